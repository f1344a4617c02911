using Matrix.EventSourced.Api.AppService;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.Roomserver.Aliases;
using Matrix.EventSourced.Commands.Roomserver.Perform;
using Matrix.EventSourced.Projections.FedSender;
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
        var (roomId, known, error) = await request.Get<RemoteMemberships>().FindRoomAsync(
            alias.Value, request.ClientGone, asksAppservices: !request.IsFromAppservice());
        if (error is not null)
            return error;
        var servers = request.Get<AliasBook>().IsOurs(alias)
            ? (await request.Get<IJoinedHosts>().InRoomAsync(roomId, request.ClientGone))
                .Prepend(request.Get<ServerIdentity>().Name)
            : known;
        return new MatrixResponse.Json(json =>
        {
            json.WriteStartObject();
            json.WriteString("room_id"u8, roomId.Value);
            json.WriteStartArray("servers"u8);
            foreach (var server in servers.Distinct())
                json.WriteStringValue(server.Value);
            json.WriteEndArray();
            json.WriteEndObject();
        });
    }
}
