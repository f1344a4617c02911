using System.Text.Json;
using Matrix.EventSourced.Api.ClientApi.Rooms;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.EduServer;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Api.ClientApi.Ephemeral;

/// <summary>Sets a receipt, or the fully-read marker, of a user in a room.</summary>
internal static class ReceiptEndpoint
{
    public static readonly EndpointSpec Spec = new(
        "POST",
        "/_matrix/client/v3/rooms/{roomId}/receipt/{receiptType}/{eventId}",
        AuthKind.AccessToken,
        RateClass.Message,
        "client-server-api#post_matrixclientv3roomsroomidreceiptreceipttypeeventid");

    public static void Map(EndpointTable table) => table.Add(Spec, HandleAsync);

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request)
    {
        if (!request.TryGetRoom(out var roomId, out var noRoom))
            return noRoom;
        if (!EventId.TryParse(request.Path("eventId"), out var eventId))
            return MatrixError.InvalidParam("The path holds no event id.");
        // Clients that know nothing of threads send no body at all.
        var (body, error) = await request.ReadJsonObjectAsync(emptyAllowed: true);
        if (error is not null)
            return error;
        string? threadId = null;
        if (body.ValueKind == JsonValueKind.Object && body.TryGetProperty("thread_id"u8, out var thread))
        {
            if (thread.ValueKind != JsonValueKind.String || thread.GetString() is not { Length: > 0 } text)
                return MatrixError.InvalidParam("thread_id must be a string that is not empty.");
            threadId = text;
        }
        var marker = new ReadMarker(request.Path("receiptType"), eventId, threadId);
        return (await RoomRequests.SendAsync(request, new SetReadMarkers(
            request.CommandContext(), roomId, request.Requester.UserId, [marker]))).ToEmpty();
    }
}
