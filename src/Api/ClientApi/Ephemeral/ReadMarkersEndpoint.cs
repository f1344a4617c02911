using Matrix.EventSourced.Api.ClientApi.Rooms;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.EduServer;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Api.ClientApi.Ephemeral;

/// <summary>Sets the fully-read marker of a user in a room, and their receipts with it.</summary>
internal static class ReadMarkersEndpoint
{
    public static readonly EndpointSpec Spec = new(
        "POST",
        "/_matrix/client/v3/rooms/{roomId}/read_markers",
        AuthKind.AccessToken,
        RateClass.Message,
        "client-server-api#post_matrixclientv3roomsroomidread_markers");

    private static readonly string[] Kinds =
        [ReceiptKinds.FullyRead, ReceiptKinds.Read, ReceiptKinds.ReadPrivate];

    public static void Map(EndpointTable table) => table.Add(Spec, HandleAsync);

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request)
    {
        if (!request.TryGetRoom(out var roomId, out var noRoom))
            return noRoom;
        var (body, error) = await request.ReadJsonObjectAsync();
        if (error is not null)
            return error;
        var markers = new List<ReadMarker>();
        foreach (var kind in Kinds)
        {
            if (body.TryGetString(kind, out var text) is { } wrong)
                return wrong;
            if (text is null)
                continue;
            if (!EventId.TryParse(text, out var eventId))
                return MatrixError.InvalidParam($"{kind} is no event id.");
            markers.Add(new ReadMarker(kind, eventId));
        }
        return (await RoomRequests.SendAsync(request, new SetReadMarkers(
            request.CommandContext(), roomId, request.Requester.UserId, markers))).ToEmpty();
    }
}
