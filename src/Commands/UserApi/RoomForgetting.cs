using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Facts.UserApi;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Commands.UserApi;

/// <summary>Records that a user forgot a room; the Roomserver has made sure that they left it.</summary>
/// <remarks>
/// A room can be joined and forgotten again, so each forgetting is recorded: readers compare its position with that of
/// the last membership.
/// </remarks>
public sealed class RoomForgetting(FactAppender appender)
{
    public async ValueTask<LogPosition> ForgetAsync(UserId user, RoomId room, CommandContext context)
    {
        var appended = await appender.AppendAsync(
            UserStreams.Account(user), ExpectedRevision.Any, [new RoomForgotten(user, room)], context);
        return appended is AppendResult.Appended done
            ? done.Position
            : throw new InvalidOperationException("An append that expects nothing met a conflict.");
    }
}
