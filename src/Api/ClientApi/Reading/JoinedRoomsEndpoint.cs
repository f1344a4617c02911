using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Projections.Roomserver;

namespace Matrix.EventSourced.Api.ClientApi.Reading;

/// <summary>GET /joined_rooms: the ids of the caller's rooms.</summary>
internal static class JoinedRoomsEndpoint
{
    public static readonly EndpointSpec Spec = new(
        "GET",
        "/_matrix/client/v3/joined_rooms",
        AuthKind.AccessToken,
        RateClass.Read,
        "client-server-api#get_matrixclientv3joined_rooms")
    {
        GuestsAllowed = true,
    };

    public static void Map(EndpointTable table) => table.Add(Spec, HandleAsync);

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request)
    {
        var rooms = await request.Get<IRoomserverQueries>().JoinedRoomsAsync(
            request.Requester.UserId, request.ClientGone);
        return new MatrixResponse.Json(writer =>
        {
            writer.WriteStartObject();
            writer.WriteStartArray("joined_rooms"u8);
            foreach (var room in rooms)
                writer.WriteStringValue(room.Value);
            writer.WriteEndArray();
            writer.WriteEndObject();
        });
    }
}
