using System.Text.Json;
using Matrix.EventSourced.Api.ClientApi.Discovering;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Projections.FedSender;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.RoomVersions;
using Matrix.EventSourced.Protocol.Signing;

namespace Matrix.EventSourced.Api.FederationApi;

/// <summary>Other servers ask for a space and its children, one level of it.</summary>
/// <remarks>Of the children only those are described that are here; those that the server may not see are named as
/// inaccessible, so that it asks nobody else for them.</remarks>
internal static class Hierarchy
{
    /// <summary>LIMIT: children that are described; all of them are named. Ours: as many as one page shows.</summary>
    private const int ChildrenMax = 100;

    public static readonly EndpointSpec Spec = new(
        "GET", "/_matrix/federation/v1/hierarchy/{roomId}", AuthKind.Server, RateClass.None,
        "server-server-api#get_matrixfederationv1hierarchyroomid");

    private static readonly string[] Gate = [RoomserverProjection.ProjectionName];

    public static void Map(EndpointTable table) => table.Add(Spec, HandleAsync);

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request)
    {
        if (!request.TryGetRoomId(out var roomId, out var error))
            return error;
        await request.Get<IProjectionGate>().WaitForHeadAsync(Gate, request.ClientGone);
        var cards = request.Get<LocalRoomCards>();
        var found = await cards.FindAsync(
            new Dictionary<string, IReadOnlyList<string>> { [roomId.Value] = [] }, request.ClientGone);
        if (!found.TryGetValue(roomId.Value, out var root) || await LookAsync(request, root) != Sight.Shown)
            return MatrixError.NotFound("This room is not here, or not for your server.");
        var suggestedOnly = request.Query("suggested_only") == "true";
        var named = root.Children.Where(child => !suggestedOnly || child.IsSuggested).ToList();
        var children = named.Take(ChildrenMax).ToList();
        var ofChildren = await cards.FindAsync(
            children.ToDictionary(child => child.RoomId, child => child.Via), request.ClientGone);
        var (shown, hidden) = (new List<RoomCard>(), new List<string>());
        foreach (var child in children)
        {
            if (!ofChildren.TryGetValue(child.RoomId, out var card))
                continue;
            switch (await LookAsync(request, card))
            {
                case Sight.Shown:
                    shown.Add(card);
                    break;
                case Sight.Hidden:
                    hidden.Add(child.RoomId);
                    break;
            }
        }
        return new MatrixResponse.Json(json =>
        {
            json.WriteStartObject();
            json.WriteStartArray("children"u8);
            foreach (var card in shown)
            {
                json.WriteStartObject();
                RoomCardWriter.WriteMembers(json, card);
                json.WriteEndObject();
            }
            json.WriteEndArray();
            json.WriteStartArray("inaccessible_children"u8);
            foreach (var room in hidden)
                json.WriteStringValue(room);
            json.WriteEndArray();
            json.WriteStartObject("room"u8);
            RoomCardWriter.WriteMembers(json, root);
            RoomCardWriter.WriteChildren(json, named);
            json.WriteEndObject();
            json.WriteEndObject();
        });
    }

    /// <summary>A server sees a room that one of its users could see: it is in it, is invited, could join or knock, or
    /// anybody may read it.</summary>
    private static async ValueTask<Sight> LookAsync(MatrixRequest request, RoomCard card)
    {
        var hosts = request.Get<IJoinedHosts>();
        var roomId = RoomId.Parse(card.RoomId);
        var inRoom = await hosts.InRoomAsync(roomId, request.ClientGone);
        if (!inRoom.Contains(request.Get<ServerIdentity>().Name))
            return Sight.Unknown;
        if (card.IsWorldReadable || card.JoinRule == "public" || inRoom.Contains(request.Origin))
            return Sight.Shown;
        var rules = card.RoomVersion is null ? null : RoomVersionRules.Find(card.RoomVersion);
        if (card.JoinRule is "knock" or "knock_restricted" && rules?.Knocking == true)
            return Sight.Shown;
        foreach (var allowed in card.JoinRule is "restricted" or "knock_restricted" ? card.AllowedRoomIds : [])
        {
            if (RoomId.TryParse(allowed, out var other)
                && (await hosts.InRoomAsync(other, request.ClientGone)).Contains(request.Origin))
                return Sight.Shown;
        }
        return await request.Get<IRoomGraphQueries>().IsServerInvitedAsync(roomId, request.Origin, request.ClientGone)
            ? Sight.Shown
            : Sight.Hidden;
    }

    /// <summary>What another server hears of a room.</summary>
    private enum Sight
    {
        /// <summary>Nobody of ours is in it: others know it better.</summary>
        Unknown,
        Hidden,
        Shown,
    }
}
