using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Api.Sync;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Api.ClientApi.Reading;

/// <summary>GET /events/{eventId}: one event, whatever its room. Deprecated in the spec.</summary>
internal static class OneEventEndpoint
{
    private static readonly string[] Gate = [RoomserverProjection.ProjectionName];

    private static readonly MatrixError NotFound = MatrixError.NotFound(
        "There is no such event, or you may not see it.");

    public static readonly EndpointSpec Spec = new(
        "GET",
        "/_matrix/client/v3/events/{eventId}",
        AuthKind.AccessToken,
        RateClass.Read,
        "client-server-api#get_matrixclientv3eventseventid");

    public static void Map(EndpointTable table) => table.Add(Spec, HandleAsync);

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request)
    {
        var gone = request.ClientGone;
        var position = (long)(await request.Get<IProjectionGate>().WaitForHeadAsync(Gate, gone)).Value;
        var reader = request.Get<RoomReader>();
        if (await reader.FindEventAsync(request.Path("eventId"), gone) is not { } stored)
            return NotFound;
        var history = await reader.FindHistoryAsync(stored.RoomId, request.Requester.UserId.Value, gone);
        if (history.IsForgotten || !history.CanSee(stored))
            return NotFound;
        var access = new RoomAccess(RoomId.Parse(stored.RoomId), history, position);
        var audience = await access.AudienceAsync(request, [stored]);
        return new MatrixResponse.Json(
            writer => EventWriter.Write(writer, stored, audience, history, withRoomId: true));
    }
}
