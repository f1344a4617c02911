using Matrix.EventSourced.Api.ClientApi.DelayedEvents;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.Roomserver.Perform;

namespace Matrix.EventSourced.Api.ClientApi.Rooms;

/// <summary>Sends a message event.</summary>
internal static class SendEventEndpoint
{
    public static readonly EndpointSpec Spec = new(
        "PUT",
        "/_matrix/client/v3/rooms/{roomId}/send/{eventType}/{txnId}",
        AuthKind.AccessToken,
        RateClass.Message,
        "client-server-api#put_matrixclientv3roomsroomidsendeventtypetxnid")
    {
        ForbiddenWhileSuspended = true,
        GuestsAllowed = true,
    };

    public static void Map(EndpointTable table) => table.Add(Spec, HandleAsync);

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request)
    {
        var type = request.Path("eventType");
        if (!request.TryGetRoom(out var roomId, out var noRoom))
            return noRoom;
        if (!request.TryGetTransaction($"send/{type}", out var transaction, out var noTransaction))
            return noTransaction;
        if (request.TryGetTimestamp(out var originServerTs) is { } badTime)
            return badTime;
        var (content, error) = await request.ReadJsonObjectAsync();
        if (error is not null)
            return error;
        if (request.IsDelayed())
        {
            return await DelayParameter.ScheduleAsync(
                request, roomId, type, null, content, originServerTs, transaction);
        }
        var (problem, annotation) = await SentRelations.CheckAsync(request, roomId, type, content, transaction);
        if (problem is not null)
            return problem;
        var requester = request.Requester;
        var command = new SendEvent(
            request.CommandContext(), roomId, requester.UserId, type, content, transaction, requester.IsAdmin)
        {
            OriginServerTs = originServerTs,
            Annotation = annotation,
        };
        return (await request.SendAsync(command)).ToEventId();
    }
}
