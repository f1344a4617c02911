using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Api.Sync;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Api.ClientApi.Reading;

/// <summary>A reader in a room: what they may see, and up to where.</summary>
/// <remarks>Shape: Position is the log's head that the answer covers; StateAt is the position of the state that the
/// reader may see.</remarks>
internal sealed record RoomAccess(RoomId RoomId, RoomHistory History, long Position)
{
    private static readonly string[] Projections = [RoomserverProjection.ProjectionName];

    private static readonly MatrixError NotAMember =
        MatrixError.Forbidden("You are not a member of the room, and its history is not world-readable.");

    /// <summary>A member sees the state as it is, a former member as it was when they left, anybody else a
    /// world-readable room's.</summary>
    public long StateAt => History.IsWorldReadable ? Position : Math.Min(Position, History.LeftAt);

    /// <summary>Nothing after this position is for the reader.</summary>
    public long NewestVisible => StateAt;

    /// <summary>Waits at the gate and finds the reader's history in the room of the path.</summary>
    /// <remarks>Errors: M_INVALID_PARAM for what is no room id; M_FORBIDDEN for an unknown room and for one that the
    /// reader has nothing to do with.</remarks>
    public static ValueTask<(RoomAccess? Access, MatrixError? Error)> OpenAsync(MatrixRequest request) =>
        OpenAsync(request, request.Path("roomId"));

    /// <inheritdoc cref="OpenAsync(MatrixRequest)"/>
    public static async ValueTask<(RoomAccess? Access, MatrixError? Error)> OpenAsync(
        MatrixRequest request, string roomIdText)
    {
        if (!RoomId.TryParse(roomIdText, out var roomId))
            return (null, MatrixError.InvalidParam("This is no room id."));
        var position = await request.Get<IProjectionGate>().WaitForHeadAsync(Projections, request.ClientGone);
        var history = await request.Get<RoomReader>()
            .FindHistoryAsync(roomId.Value, request.Requester.UserId.Value, request.ClientGone);
        var isFormer = history.WasJoined && !history.IsForgotten;
        return history.IsKnown && (history.IsJoined || isFormer || history.IsWorldReadable)
            ? (new(roomId, history, (long)position.Value), null)
            : (null, NotAMember);
    }

    /// <summary>The reader with the bundled aggregations of what is shown to them.</summary>
    public ValueTask<EventAudience> AudienceAsync(MatrixRequest request, IReadOnlyList<StoredEvent> events) =>
        request.Get<EventBundler>().BundleAsync(Audience(request), events, Position, request.ClientGone);

    public static EventAudience Audience(MatrixRequest request) => new(
        request.Requester.UserId.Value,
        request.Requester.DeviceId,
        request.Get<TimeProvider>().GetUtcNow().ToUnixTimeMilliseconds());
}
