using System.Text.Json;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Protocol;
using Npgsql;

namespace Matrix.EventSourced.Projections.Sync.Sliding;

/// <summary>Finds the shapes of rooms: in memory, or in the tables with one question for all that are
/// missing.</summary>
/// <remarks>Cost: two index walks a room that nobody asked for before; one that has long had nothing but joins walks
/// over those.</remarks>
public sealed class RoomShapeReader(NpgsqlDataSource database, IProjectionSchemas schemas, RoomShapes shapes)
{
    internal async ValueTask<Dictionary<string, RoomShape>> ReadAsync(
        IEnumerable<string> roomIds, CancellationToken cancellationToken)
    {
        var found = new Dictionary<string, RoomShape>();
        var told = shapes.Told;
        List<string>? missing = null;
        foreach (var roomId in roomIds)
        {
            if (shapes.Find(roomId) is { } shape)
                found[roomId] = shape;
            else
                (missing ??= []).Add(roomId);
        }
        if (missing is null)
            return found;
        var read = new List<KeyValuePair<string, RoomShape>>(missing.Count);
        var batch = new QueryBatch(database);
        batch.Add(
            Sql(schemas.Live(RoomserverProjection.ProjectionName)),
            parameters =>
            {
                parameters.AddTexts([.. missing]);
                parameters.AddTexts(RoomShapes.BumpTypes);
            },
            row => read.Add(new(row.GetString(0), new RoomShape(
                row.GetInt64(1),
                row.GetInt64(2),
                Math.Max(row.GetInt64(1), row.GetInt64(3)),
                row.IsDBNull(4) ? null : TypeOf(row.GetFieldValue<byte[]>(4)),
                row.GetBoolean(5)))));
        await batch.ExecuteAsync(cancellationToken);
        foreach (var (roomId, shape) in read)
            found[roomId] = shape;
        shapes.Keep(read, told);
        return found;
    }

    private static string Sql(string schema) =>
        $"""
        SELECT r.room_id,
            coalesce((SELECT p.position FROM {schema}.pdus p
                WHERE p.room_id = r.room_id AND p.disposition IN (0, 4) AND p.position > 0
                ORDER BY p.anchor DESC, p.position DESC LIMIT 1), r.position),
            coalesce((SELECT p.position FROM {schema}.pdus p
                WHERE p.room_id = r.room_id AND p.disposition IN (0, 4) AND p.position > 0 AND p.type = ANY ($2)
                ORDER BY p.anchor DESC, p.position DESC LIMIT 1), r.position),
            coalesce((SELECT s.from_position FROM {schema}.state s
                WHERE s.room_id = r.room_id ORDER BY s.from_position DESC LIMIT 1), 0),
            (SELECT p.json FROM {schema}.state s JOIN {schema}.pdus p ON p.event_id = s.event_id
                WHERE s.room_id = r.room_id AND s.type = 'm.room.create' AND s.state_key = ''
                    AND s.to_position = {RoomserverSchema.OpenEnd}),
            EXISTS (SELECT FROM {schema}.state s
                WHERE s.room_id = r.room_id AND s.type = 'm.room.encryption' AND s.state_key = ''
                    AND s.to_position = {RoomserverSchema.OpenEnd})
        FROM {schema}.rooms r WHERE r.room_id = ANY ($1)
        """;

    /// <summary>The type that a create event gives its room; null for none.</summary>
    private static string? TypeOf(ReadOnlyMemory<byte> createJson)
    {
        using var document = JsonDocument.Parse(createJson, new() { MaxDepth = Limits.JsonDepthMax });
        return document.RootElement.TryGetProperty("content"u8, out var content)
            && content.ValueKind == JsonValueKind.Object
            && content.TryGetProperty("type"u8, out var type)
            && type.ValueKind == JsonValueKind.String
                ? type.GetString()
                : null;
    }
}
