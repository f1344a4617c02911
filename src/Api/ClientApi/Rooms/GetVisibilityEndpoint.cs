using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.PublicRooms;
using Matrix.EventSourced.Commands.Roomserver;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.ClientApi.Rooms;

/// <summary>Says whether the public directory lists a room.</summary>
internal static class GetVisibilityEndpoint
{
    public static readonly EndpointSpec Spec = new(
        "GET",
        "/_matrix/client/v3/directory/list/room/{roomId}",
        AuthKind.None,
        RateClass.Read,
        "client-server-api#get_matrixclientv3directorylistroomroomid");

    public static void Map(EndpointTable table) => table.Add(Spec, HandleAsync);

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request)
    {
        if (!request.TryGetRoom(out var roomId, out var noRoom))
            return noRoom;
        switch (await request.Get<IRoomserver>().ReadAsync(roomId))
        {
            case RoomReading.Refused refused:
                return refused.Error;
            case RoomReading.Unknown:
                return MatrixError.NotFound("This room is not known here.");
        }
        var isPublic = await request.Get<RoomDirectory>().IsPublicAsync(roomId);
        return new MatrixResponse.Json(json =>
        {
            json.WriteStartObject();
            json.WriteString("visibility"u8, isPublic ? "public"u8 : "private"u8);
            json.WriteEndObject();
        });
    }
}
