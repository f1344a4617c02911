using System.Text.Json;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.Roomserver;
using Npgsql;

namespace Matrix.EventSourced.Projections.PublicRooms;

/// <summary>A room as the public directory shows it. Spec: v1.19 client-server-api
/// #get_matrixclientv3publicrooms.</summary>
public sealed record PublicRoom(string RoomId, long JoinedMembers)
{
    public string? Name { get; init; }
    public string? Topic { get; init; }
    public string? CanonicalAlias { get; init; }
    public string? AvatarUrl { get; init; }
    public string? JoinRule { get; init; }
    public string? RoomType { get; init; }
    public bool IsWorldReadable { get; init; }
    public bool GuestCanJoin { get; init; }
}

/// <summary>The rooms of the public directory, largest first, then by id.</summary>
public sealed class PublicRoomQueries(NpgsqlDataSource database, IProjectionGate gate, IProjectionSchemas schemas)
{
    private static readonly string[] Projections = [RoomserverProjection.ProjectionName];

    /// <summary>The rooms of this server's own directory.</summary>
    public ValueTask<IReadOnlyList<PublicRoom>> AllAsync(CancellationToken cancellationToken) =>
        AllAsync([], withOwn: true, cancellationToken);

    /// <summary>Given rooms, and with <paramref name="withOwn"/> those of this server's own directory, too.</summary>
    public async ValueTask<IReadOnlyList<PublicRoom>> AllAsync(
        IReadOnlyList<string> others, bool withOwn, CancellationToken cancellationToken)
    {
        await gate.WaitForHeadAsync(Projections, cancellationToken);
        var schema = schemas.Live(RoomserverProjection.ProjectionName);
        var source = others.Count == 0 && withOwn
            ? $"{schema}.public_rooms"
            : withOwn
                ? $"(SELECT room_id FROM {schema}.public_rooms UNION SELECT unnest($1))"
                : "(SELECT unnest($1) AS room_id)";
        var rooms = new List<PublicRoom>();
        var roomIdToIndex = new Dictionary<string, int>();
        var batch = new QueryBatch(database);
        batch.Add(
            $"""
            SELECT r.room_id, members.joined FROM {source} r
            CROSS JOIN LATERAL (
                SELECT count(*) AS joined FROM {schema}.state s
                WHERE s.room_id = r.room_id AND s.type = 'm.room.member'
                    AND s.to_position = {RoomserverSchema.OpenEnd} AND s.membership = 1
            ) members
            ORDER BY members.joined DESC, r.room_id
            """,
            parameters =>
            {
                if (others.Count > 0 || !withOwn)
                    parameters.AddTexts([.. others]);
            },
            reader =>
            {
                roomIdToIndex[reader.GetString(0)] = rooms.Count;
                rooms.Add(new(reader.GetString(0), reader.GetInt64(1)));
            });
        batch.Add(
            $"""
            SELECT s.room_id, s.type, p.json FROM {source} r
            JOIN {schema}.state s ON s.room_id = r.room_id AND s.state_key = ''
                AND s.to_position = {RoomserverSchema.OpenEnd}
                AND s.type = ANY (${(others.Count > 0 || !withOwn ? 2 : 1)})
            JOIN {schema}.pdus p ON p.event_id = s.event_id
            """,
            parameters =>
            {
                if (others.Count > 0 || !withOwn)
                    parameters.AddTexts([.. others]);
                parameters.AddTexts(
                [
                    "m.room.create", "m.room.name", "m.room.topic", "m.room.canonical_alias", "m.room.avatar",
                    "m.room.join_rules", "m.room.history_visibility", "m.room.guest_access",
                ]);
            },
            reader =>
            {
                var index = roomIdToIndex[reader.GetString(0)];
                rooms[index] = With(rooms[index], reader.GetString(1), reader.GetFieldValue<byte[]>(2));
            });
        await batch.ExecuteAsync(cancellationToken);
        return rooms;
    }

    private static PublicRoom With(PublicRoom room, string type, byte[] json)
    {
        using var document = JsonDocument.Parse(json);
        var content = document.RootElement.GetProperty("content"u8);
        return type switch
        {
            "m.room.create" => room with { RoomType = Text(content, "type"u8) },
            "m.room.name" => room with { Name = Text(content, "name"u8) },
            "m.room.topic" => room with { Topic = Text(content, "topic"u8) },
            "m.room.canonical_alias" => room with { CanonicalAlias = Text(content, "alias"u8) },
            "m.room.avatar" => room with { AvatarUrl = Text(content, "url"u8) },
            "m.room.join_rules" => room with { JoinRule = Text(content, "join_rule"u8) },
            "m.room.history_visibility" =>
                room with { IsWorldReadable = Text(content, "history_visibility"u8) == "world_readable" },
            "m.room.guest_access" => room with { GuestCanJoin = Text(content, "guest_access"u8) == "can_join" },
            _ => room,
        };
    }

    private static string? Text(JsonElement content, ReadOnlySpan<byte> key) =>
        content.TryGetProperty(key, out var value)
        && value.ValueKind == JsonValueKind.String
        && value.GetString() is { Length: > 0 } text
            ? text
            : null;
}
