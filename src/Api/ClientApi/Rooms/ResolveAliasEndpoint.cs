using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.Roomserver.Aliases;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Signing;

namespace Matrix.EventSourced.Api.ClientApi.Rooms;

/// <summary>Says where a room alias points, and which servers know the room.</summary>
internal static class ResolveAliasEndpoint
{
    public static readonly EndpointSpec Spec = new(
        "GET",
        "/_matrix/client/v3/directory/room/{roomAlias}",
        AuthKind.None,
        RateClass.Read,
        "client-server-api#get_matrixclientv3directoryroomroomalias");

    public static void Map(EndpointTable table) => table.Add(Spec, HandleAsync);

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request)
    {
        if (!RoomAlias.TryParse(request.Path("roomAlias"), out var alias))
            return MatrixError.InvalidParam("This is no room alias.");
        if (await request.Get<AliasBook>().ResolveAsync(alias) is not { } roomId)
            return MatrixError.NotFound("This room alias points nowhere.");
        var server = request.Get<ServerIdentity>().Name;
        return new MatrixResponse.Json(json =>
        {
            json.WriteStartObject();
            json.WriteString("room_id"u8, roomId.Value);
            json.WriteStartArray("servers"u8);
            json.WriteStringValue(server.Value);
            json.WriteEndArray();
            json.WriteEndObject();
        });
    }
}
