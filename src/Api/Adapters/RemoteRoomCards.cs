using System.Runtime.InteropServices;
using System.Text.Json;
using Matrix.EventSourced.Federation.Transport;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Signing;

namespace Matrix.EventSourced.Api.Adapters;

/// <summary>Cards of rooms that only other servers know.</summary>
/// <remarks>
/// Spec: v1.19 server-server-api #get_matrixfederationv1hierarchyroomid. The servers of a room's <c>via</c> are asked
/// in turn; what they say is shown as theirs: it opens nothing here.
/// Errors: none; a room that nobody describes has no card.
/// </remarks>
internal sealed class RemoteRoomCards(FederationClient client, ServerIdentity identity) : IRoomCardSource
{
    /// <summary>LIMIT: rooms of one look that are asked for elsewhere. Ours: the client waits.</summary>
    private const int RoomsMax = 50;

    /// <summary>LIMIT: servers that are asked for one room. Ours.</summary>
    private const int ServersMax = 3;

    /// <summary>LIMIT: children of one room that another server tells us. Ours.</summary>
    private const int ChildrenMax = 1_000;

    public async ValueTask<IReadOnlyDictionary<string, RoomCard>> FindAsync(
        IReadOnlyDictionary<string, IReadOnlyList<string>> rooms, CancellationToken cancellationToken)
    {
        var found = await Task.WhenAll(rooms
            .OrderBy(room => room.Key, StringComparer.Ordinal)
            .Take(RoomsMax)
            .Select(room => FindAsync(room.Key, room.Value, cancellationToken)));
        return found.OfType<RoomCard>().ToDictionary(card => card.RoomId);
    }

    private async Task<RoomCard?> FindAsync(string room, IReadOnlyList<string> via, CancellationToken cancellationToken)
    {
        if (!RoomId.TryParse(room, out var roomId))
            return null;
        var servers = new List<ServerName>();
        foreach (var text in via)
        {
            if (ServerName.TryParse(text, out var server))
                servers.Add(server);
        }
        if (roomId.Server is { } maker)
            servers.Add(maker);
        foreach (var server in servers.Where(server => server != identity.Name).Distinct().Take(ServersMax))
        {
            var answer = await client.HierarchyAsync(server, roomId, suggestedOnly: false, cancellationToken);
            if (answer.ValueOrDefault is { } described
                && described.Json.TryGetProperty("room"u8, out var card)
                && card.ValueKind == JsonValueKind.Object
                && ReceivedJson.Text(card, "room_id") == room)
                return Read(card, room);
        }
        return null;
    }

    private static RoomCard Read(JsonElement card, string room) => new(room, Number(card, "num_joined_members"))
    {
        RoomVersion = ReceivedJson.Text(card, "room_version"),
        Name = ReceivedJson.Text(card, "name"),
        Topic = ReceivedJson.Text(card, "topic"),
        CanonicalAlias = ReceivedJson.Text(card, "canonical_alias"),
        AvatarUrl = ReceivedJson.Text(card, "avatar_url"),
        JoinRule = ReceivedJson.Text(card, "join_rule") ?? "invite",
        AllowedRoomIds = Texts(card, "allowed_room_ids"),
        RoomType = ReceivedJson.Text(card, "room_type"),
        Encryption = ReceivedJson.Text(card, "encryption"),
        IsWorldReadable = IsTrue(card, "world_readable"),
        GuestCanJoin = IsTrue(card, "guest_can_join"),
        Children = Children(card),
    };

    private static List<SpaceChild> Children(JsonElement card)
    {
        var children = new List<SpaceChild>();
        if (!card.TryGetProperty("children_state"u8, out var states) || states.ValueKind != JsonValueKind.Array)
            return children;
        foreach (var state in states.EnumerateArray())
        {
            if (children.Count == ChildrenMax)
                break;
            if (ReceivedJson.Text(state, "type") == "m.space.child"
                && UserId.TryParse(ReceivedJson.Text(state, "sender"), out var sender)
                && state.TryGetProperty("content"u8, out var content) && content.ValueKind == JsonValueKind.Object
                && SpaceChild.Find(
                    ReceivedJson.Text(state, "state_key"),
                    sender.Value,
                    Number(state, "origin_server_ts"),
                    JsonMarshal.GetRawUtf8Value(content).ToArray(),
                    content) is { } child)
                children.Add(child);
        }
        return children;
    }

    private static List<string> Texts(JsonElement element, string name) =>
        element.TryGetProperty(name, out var list) && list.ValueKind == JsonValueKind.Array
            ? [.. list.EnumerateArray().Where(entry => entry.ValueKind == JsonValueKind.String)
                .Select(entry => entry.GetString()!)]
            : [];

    private static long Number(JsonElement element, string name) =>
        Math.Max(0, ReceivedJson.Number(element, name) ?? 0);

    private static bool IsTrue(JsonElement element, string name) =>
        element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.True;
}
