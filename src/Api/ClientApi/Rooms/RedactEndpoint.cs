using Matrix.EventSourced.Api.ClientApi.Reading;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.Roomserver.Perform;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.ClientApi.Rooms;

/// <summary>Redacts an event.</summary>
internal static class RedactEndpoint
{
    public static readonly EndpointSpec Spec = new(
        "PUT",
        "/_matrix/client/v3/rooms/{roomId}/redact/{eventId}/{txnId}",
        AuthKind.AccessToken,
        RateClass.Message,
        "client-server-api#put_matrixclientv3roomsroomidredacteventidtxnid");

    public static void Map(EndpointTable table) => table.Add(Spec, HandleAsync);

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request)
    {
        var redacts = request.Path("eventId");
        if (!request.TryGetRoom(out var roomId, out var noRoom))
            return noRoom;
        if (!request.TryGetTransaction($"redact/{redacts}", out var transaction, out var noTransaction))
            return noTransaction;
        var (reason, error) = await MembershipBody.ReadReasonAsync(request);
        if (error is not null)
            return error;
        var requester = request.Requester;
        if (requester.IsSuspended && await FindProblemAsync(request) is { } problem)
            return problem;
        var command = new RedactEvent(
            request.CommandContext(), roomId, requester.UserId, redacts, reason, transaction, requester.IsAdmin);
        return (await request.SendAsync(command)).ToEventId();
    }

    /// <summary>Spec: v1.19 client-server-api #account-suspension: who is suspended redacts only what is
    /// theirs.</summary>
    private static async ValueTask<MatrixError?> FindProblemAsync(MatrixRequest request)
    {
        var (access, refusal) = await RoomAccess.OpenAsync(request);
        if (access is null)
            return refusal;
        var redacted = await EventEndpoint.FindVisibleAsync(request, access);
        return redacted?.Pdu.Sender == request.Requester.UserId ? null : RequestPipeline.Suspended;
    }
}
