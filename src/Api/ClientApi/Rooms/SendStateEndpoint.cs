using Matrix.EventSourced.Api.ClientApi.DelayedEvents;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.Roomserver.Perform;

namespace Matrix.EventSourced.Api.ClientApi.Rooms;

/// <summary>Sets an entry of a room's state.</summary>
internal static class SendStateEndpoint
{
    public static readonly EndpointSpec Spec = new(
        "PUT",
        "/_matrix/client/v3/rooms/{roomId}/state/{eventType}/{stateKey?}",
        AuthKind.AccessToken,
        RateClass.Message,
        "client-server-api#put_matrixclientv3roomsroomidstateeventtypestatekey")
    {
        ForbiddenWhileSuspended = true,
        GuestsAllowed = true,
    };

    public static void Map(EndpointTable table) => table.Add(Spec, HandleAsync);

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request)
    {
        if (!request.TryGetRoom(out var roomId, out var noRoom))
            return noRoom;
        if (request.TryGetTimestamp(out var originServerTs) is { } badTime)
            return badTime;
        var (content, error) = await request.ReadJsonObjectAsync();
        if (error is not null)
            return error;
        if (request.IsDelayed())
        {
            return await DelayParameter.ScheduleAsync(
                request, roomId, request.Path("eventType"), request.Path("stateKey"), content, originServerTs, null);
        }
        var requester = request.Requester;
        var command = new SendState(
            request.CommandContext(),
            roomId,
            requester.UserId,
            request.Path("eventType"),
            request.Path("stateKey"),
            content,
            requester.IsGuest)
        {
            OriginServerTs = originServerTs,
        };
        return (await request.SendAsync(command)).ToEventId();
    }
}
