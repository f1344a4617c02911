using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Api.Sync;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.ClientApi.Reading;

/// <summary>GET /rooms/{roomId}/state/{eventType}/{stateKey}: the content of one state event, or the event with
/// <c>format=event</c>.</summary>
internal static class StateEntryEndpoint
{
    public static readonly EndpointSpec Spec = new(
        "GET",
        "/_matrix/client/v3/rooms/{roomId}/state/{eventType}/{stateKey?}",
        AuthKind.AccessToken,
        RateClass.Read,
        "client-server-api#get_matrixclientv3roomsroomidstateeventtypestatekey")
    {
        GuestsAllowed = true,
    };

    public static void Map(EndpointTable table) => table.Add(Spec, HandleAsync);

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request)
    {
        var format = request.Query("format");
        if (format is not (null or "" or "content" or "event"))
            return MatrixError.InvalidParam("format is content or event.");
        var (access, refusal) = await RoomAccess.OpenAsync(request);
        if (refusal is not null)
            return refusal;
        var entry = new StateEntryAt(
            access!.RoomId.Value, access.StateAt, request.Path("eventType"), request.Path("stateKey"));
        var stored = await request.Get<RoomReader>().FindStateEntryAsync(entry, request.ClientGone);
        if (stored is null)
            return MatrixError.NotFound("The room has no such state.");
        if (format != "event")
            return new MatrixResponse.RawJson(stored.Pdu.ContentUtf8);
        var audience = RoomAccess.Audience(request);
        return new MatrixResponse.Json(
            writer => EventWriter.Write(writer, stored, audience, access.History, withRoomId: true));
    }
}
