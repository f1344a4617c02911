using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.PublicRooms;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Commands.PublicRooms;

/// <summary>Writes and reads which rooms this server lists publicly. Who may change it is its callers'
/// business.</summary>
public sealed class RoomDirectory(IEventStore log, FactAppender appender)
{
    private readonly AggregateStore<DirectoryState> _rooms = new(log, appender);

    public async ValueTask<bool> IsPublicAsync(RoomId roomId) =>
        (await _rooms.LoadAsync(StreamOf(roomId))).State.IsPublic;

    public ValueTask<Execution<DirectoryState>> SetAsync(
        RoomId roomId, bool isPublic, UserId changedBy, CommandContext context) =>
        _rooms.ExecuteAsync(
            StreamOf(roomId),
            state => state.IsPublic == isPublic
                ? Decision.Nothing
                : Decision.Accept(new RoomVisibilityChanged(roomId, isPublic, changedBy)),
            context);

    private static StreamName StreamOf(RoomId roomId) => new(StreamCategories.Directory, roomId.Value);
}
