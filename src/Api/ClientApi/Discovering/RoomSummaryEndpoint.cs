using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.Roomserver.Perform;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;
using Memberships = Matrix.EventSourced.Projections.Roomserver.Memberships;

namespace Matrix.EventSourced.Api.ClientApi.Discovering;

/// <summary>GET /room_summary/{roomIdOrAlias}: what a room is like, before one joins it.</summary>
/// <remarks>A room that the caller may not see is as unknown as one that does not exist.</remarks>
internal static class RoomSummaryEndpoint
{
    private static readonly MatrixError NotFound = MatrixError.NotFound("Room not found.");

    public static readonly EndpointSpec Spec = new(
        "GET",
        "/_matrix/client/v1/room_summary/{roomIdOrAlias}",
        AuthKind.OptionalAccessToken,
        RateClass.Read,
        "client-server-api#get_matrixclientv1room_summaryroomidoralias")
    {
        GuestsAllowed = true,
        Aliases = ["/_matrix/client/unstable/im.nheko.summary/summary/{roomIdOrAlias}"],
    };

    public static void Map(EndpointTable table) => table.Add(Spec, HandleAsync);

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request)
    {
        var text = request.Path("roomIdOrAlias");
        if (!RoomAlias.TryParse(text, out _) && !RoomId.TryParse(text, out _))
            return MatrixError.InvalidParam("The path holds neither a room id nor an alias.");
        var (roomId, servers, unknown) = await request.Get<RemoteMemberships>().FindRoomAsync(
            text, request.ClientGone, asksAppservices: false);
        if (unknown is not null)
            return NotFound;
        var rooms = request.Get<RoomDiscovery>();
        var visitor = await rooms.OpenAsync(request.RequesterOrNull, request.ClientGone);
        List<string> via =
        [
            .. request.Http.Request.Query["via"].OfType<string>(),
            .. servers.Select(static server => server.Value),
        ];
        var cards = await rooms.FindAsync(
            new Dictionary<string, IReadOnlyList<string>> { [roomId.Value] = via }, request.ClientGone);
        if (!cards.TryGetValue(roomId.Value, out var card) || !visitor.MaySee(card))
            return NotFound;
        return new MatrixResponse.Json(writer =>
        {
            writer.WriteStartObject();
            RoomCardWriter.WriteMembers(writer, card);
            if (visitor.UserId is not null)
            {
                var membership = visitor.MembershipIn(card.RoomId) ?? Membership.Leave;
                writer.WriteString("membership"u8, Memberships.Word(membership));
            }
            writer.WriteEndObject();
        });
    }
}
