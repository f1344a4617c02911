using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.Roomserver;
using Matrix.EventSourced.Commands.Roomserver.Room;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.EventAuth;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.State;

namespace Matrix.EventSourced.Api.ClientApi.Rooms;

/// <summary>Lists this server's aliases of a room, for its members, and for anybody where the history is world
/// readable.</summary>
internal static class RoomAliasesEndpoint
{
    public static readonly EndpointSpec Spec = new(
        "GET",
        "/_matrix/client/v3/rooms/{roomId}/aliases",
        AuthKind.AccessToken,
        RateClass.Read,
        "client-server-api#get_matrixclientv3roomsroomidaliases")
    {
        GuestsAllowed = true,
    };

    public static void Map(EndpointTable table) => table.Add(Spec, HandleAsync);

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request)
    {
        if (!request.TryGetRoom(out var roomId, out var noRoom))
            return noRoom;
        var member = new StateTuple(EventTypes.Member, request.Requester.UserId.Value);
        var visibility = new StateTuple(EventTypes.HistoryVisibility, string.Empty);
        var reading = await request.Get<IRoomserver>().ReadAsync(roomId, member, visibility);
        if (reading is RoomReading.Refused refused)
            return refused.Error;
        if (reading is not RoomReading.Found { View: var view } || !MayRead(view, request.Requester.UserId, visibility))
            return MatrixError.Forbidden("You are not in this room.");
        var aliases = await request.Get<IRoomserverQueries>().AliasesOfAsync(roomId, request.ClientGone);
        return new MatrixResponse.Json(json =>
        {
            json.WriteStartObject();
            json.WriteStartArray("aliases"u8);
            foreach (var alias in aliases)
                json.WriteStringValue(alias.Value);
            json.WriteEndArray();
            json.WriteEndObject();
        });
    }

    private static bool MayRead(RoomView view, UserId userId, StateTuple visibility) =>
        view.MembershipOf(userId) == Protocol.EventAuth.Membership.Join
        || (view.Get(visibility) is { } pdu
            && pdu.Content.TryGetProperty("history_visibility"u8, out var value)
            && value.ValueEquals("world_readable"u8));
}
