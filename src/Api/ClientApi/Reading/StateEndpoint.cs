using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Api.Sync;
using Matrix.EventSourced.Projections.Roomserver;

namespace Matrix.EventSourced.Api.ClientApi.Reading;

/// <summary>GET /rooms/{roomId}/state: the whole state, as it is or as it was when the caller left.</summary>
internal static class StateEndpoint
{
    public static readonly EndpointSpec Spec = new(
        "GET",
        "/_matrix/client/v3/rooms/{roomId}/state",
        AuthKind.AccessToken,
        RateClass.Read,
        "client-server-api#get_matrixclientv3roomsroomidstate")
    {
        GuestsAllowed = true,
    };

    public static void Map(EndpointTable table) => table.Add(Spec, HandleAsync);

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request)
    {
        var (access, refusal) = await RoomAccess.OpenAsync(request);
        if (refusal is not null)
            return refusal;
        var range = new StateRange(access!.RoomId.Value, access.StateAt, 0, WithMembers: true);
        var state = await request.Get<RoomReader>().ReadStateAsync(range, request.ClientGone);
        var audience = RoomAccess.Audience(request);
        return new MatrixResponse.Json(
            writer => EventWriter.WriteArray(writer, state, audience, access.History, withRoomId: true));
    }
}
