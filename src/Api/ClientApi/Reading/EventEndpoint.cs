using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Api.Sync;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.ClientApi.Reading;

/// <summary>GET /rooms/{roomId}/event/{eventId}: one event.</summary>
internal static class EventEndpoint
{
    private static readonly MatrixError NotFound = MatrixError.NotFound(
        "There is no such event, or you may not see it.");

    public static readonly EndpointSpec Spec = new(
        "GET",
        "/_matrix/client/v3/rooms/{roomId}/event/{eventId}",
        AuthKind.AccessToken,
        RateClass.Read,
        "client-server-api#get_matrixclientv3roomsroomideventeventid")
    {
        GuestsAllowed = true,
    };

    public static void Map(EndpointTable table) => table.Add(Spec, HandleAsync);

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request)
    {
        var (access, refusal) = await RoomAccess.OpenAsync(request);
        if (refusal is not null)
            return refusal.Status == 403 ? NotFound : refusal;
        if (await FindVisibleAsync(request, access!) is not { } stored)
            return NotFound;
        var audience = await access!.AudienceAsync(request, [stored]);
        return new MatrixResponse.Json(
            writer => EventWriter.Write(writer, stored, audience, access.History, withRoomId: true));
    }

    /// <summary>The event of the path, if it is of that room and for the caller's eyes.</summary>
    internal static async ValueTask<StoredEvent?> FindVisibleAsync(MatrixRequest request, RoomAccess access)
    {
        var stored = await request.Get<RoomReader>().FindEventAsync(request.Path("eventId"), request.ClientGone);
        return stored is not null && stored.RoomId == access.RoomId.Value && access.History.CanSee(stored)
            ? stored
            : null;
    }
}
