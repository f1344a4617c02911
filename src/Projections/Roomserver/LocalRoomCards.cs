using System.Text.Json;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Protocol.Pdus;
using Npgsql;

namespace Matrix.EventSourced.Projections.Roomserver;

/// <summary>The rooms that this server knows, as their current state describes them.</summary>
/// <remarks>Cost: one round trip. Requires: the caller went through the gate.</remarks>
public sealed class LocalRoomCards(NpgsqlDataSource database, IProjectionSchemas schemas) : IRoomCardSource
{
    private static readonly string[] Types =
    [
        "m.room.create", "m.room.name", "m.room.topic", "m.room.canonical_alias", "m.room.avatar",
        "m.room.join_rules", "m.room.history_visibility", "m.room.guest_access", "m.room.encryption",
    ];

    public async ValueTask<IReadOnlyDictionary<string, RoomCard>> FindAsync(
        IReadOnlyDictionary<string, IReadOnlyList<string>> rooms, CancellationToken cancellationToken)
    {
        var cards = new Dictionary<string, RoomCard>();
        var children = new Dictionary<string, List<SpaceChild>>();
        if (rooms.Count == 0)
            return cards;
        var schema = schemas.Live(RoomserverProjection.ProjectionName);
        var batch = new QueryBatch(database);
        batch.Add(
            $"""
            SELECT r.room_id, r.room_version, (
                SELECT count(*) FROM {schema}.state s
                WHERE s.room_id = r.room_id AND s.type = 'm.room.member'
                    AND s.to_position = {RoomserverSchema.OpenEnd} AND s.membership = {(int)Membership.Join})
            FROM {schema}.rooms r WHERE r.room_id = ANY ($1)
            """,
            parameters => parameters.AddTexts([.. rooms.Keys]),
            row => cards[row.GetString(0)] = new(row.GetString(0), row.GetInt64(2)) { RoomVersion = row.GetString(1) });
        batch.Add(
            $"""
            SELECT {StoredEventReader.Columns} FROM {schema}.state s
            JOIN {schema}.pdus p ON p.event_id = s.event_id
            {StoredEventReader.Joins(schema)}
            WHERE s.room_id = ANY ($1) AND s.to_position = {RoomserverSchema.OpenEnd}
                AND ((s.type = ANY ($2) AND s.state_key = '') OR s.type = 'm.space.child')
            """,
            parameters =>
            {
                parameters.AddTexts([.. rooms.Keys]);
                parameters.AddTexts(Types);
            },
            row => Add(StoredEventReader.Read(row), cards, children));
        await batch.ExecuteAsync(cancellationToken);
        foreach (var (roomId, found) in children)
        {
            if (cards[roomId].IsSpace)
                cards[roomId] = cards[roomId] with { Children = Sorted(found) };
        }
        return cards;
    }

    private static void Add(
        StoredEvent stored, Dictionary<string, RoomCard> cards, Dictionary<string, List<SpaceChild>> children)
    {
        if (!cards.TryGetValue(stored.RoomId, out var card))
            return;
        if (stored.Type != "m.space.child")
        {
            cards[stored.RoomId] = With(card, stored.Type, stored.Pdu);
            return;
        }
        if (FindChild(stored) is not { } child)
            return;
        if (!children.TryGetValue(stored.RoomId, out var list))
            children[stored.RoomId] = list = [];
        list.Add(child);
    }

    private static RoomCard With(RoomCard card, string type, Pdu pdu) => type switch
    {
        "m.room.create" => card with { RoomType = Text(pdu.Content, "type"u8) },
        "m.room.name" => card with { Name = Text(pdu.Content, "name"u8) },
        "m.room.topic" => card with { Topic = Text(pdu.Content, "topic"u8) },
        "m.room.canonical_alias" => card with { CanonicalAlias = Text(pdu.Content, "alias"u8) },
        "m.room.avatar" => card with { AvatarUrl = Text(pdu.Content, "url"u8) },
        "m.room.join_rules" => card with
        {
            JoinRule = Text(pdu.Content, "join_rule"u8) ?? card.JoinRule,
            AllowedRoomIds = AllowedRooms(pdu.Content),
        },
        "m.room.history_visibility" =>
            card with { IsWorldReadable = Text(pdu.Content, "history_visibility"u8) == "world_readable" },
        "m.room.guest_access" => card with { GuestCanJoin = Text(pdu.Content, "guest_access"u8) == "can_join" },
        "m.room.encryption" => card with { Encryption = Text(pdu.Content, "algorithm"u8) },
        _ => card,
    };

    private static List<string> AllowedRooms(JsonElement content)
    {
        var rooms = new List<string>();
        if (Text(content, "join_rule"u8) is not ("restricted" or "knock_restricted")
            || !content.TryGetProperty("allow"u8, out var allow)
            || allow.ValueKind != JsonValueKind.Array)
        {
            return rooms;
        }
        foreach (var condition in allow.EnumerateArray())
        {
            if (condition.ValueKind == JsonValueKind.Object
                && Text(condition, "type"u8) == "m.room_membership"
                && Text(condition, "room_id"u8) is { } room
                && Protocol.Identifiers.RoomId.TryParse(room, out _))
            {
                rooms.Add(room);
            }
        }
        return rooms;
    }

    private static SpaceChild? FindChild(StoredEvent stored)
    {
        return SpaceChild.Find(
            stored.StateKey, stored.Sender, stored.OriginServerTs, stored.Pdu.ContentUtf8, stored.Pdu.Content);
    }

    /// <summary>Spec: client-server-api #ordering-of-children-within-a-space.</summary>
    private static List<SpaceChild> Sorted(List<SpaceChild> children) =>
    [
        .. children
            .OrderBy(child => child.Order is null)
            .ThenBy(child => child.Order, StringComparer.Ordinal)
            .ThenBy(child => child.OriginServerTs)
            .ThenBy(child => child.RoomId, StringComparer.Ordinal),
    ];

    private static string? Text(JsonElement owner, ReadOnlySpan<byte> name) =>
        owner.TryGetProperty(name, out var value)
        && value.ValueKind == JsonValueKind.String
        && value.GetString() is { Length: > 0 } text
            ? text
            : null;
}
