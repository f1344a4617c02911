using System.Collections.Frozen;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.Roomserver;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.Roomserver;
using Npgsql;

namespace Matrix.EventSourced.Projections.Relations;

/// <summary>Which event relates to which.</summary>
/// <remarks>Every PDU passes here, so those who look into a room from outside are woken from here too.</remarks>
public sealed class RelationsProjection(RoomActivity activity) : IProjection
{
    public const string ProjectionName = "relations";

    public string Name => ProjectionName;

    public int Version => 2;

    public FrozenSet<string> Handles { get; } = FrozenSet.Create(
        StringComparer.Ordinal, FactNames.PduRecorded, FactNames.ContentErased);

    public string Ddl => RelationsSchema.Ddl;

    public async ValueTask ApplyAsync(ProjectionBatch batch, CancellationToken cancellationToken)
    {
        var eventIdToRow = new Dictionary<string, RelationRow>();
        var redacted = new HashSet<string>();
        var erased = new HashSet<string>();
        foreach (var (record, fact, _) in batch.Facts)
        {
            if (fact is PduRecorded recorded)
                Add((long)record.Position.Value, recorded, eventIdToRow, redacted);
            else if (fact is ContentErased { EventId.Value: var gone })
                (_, _) = (erased.Add(gone), eventIdToRow.Remove(gone));
        }
        await using var commands = new NpgsqlBatch(batch.Connection, batch.Transaction);
        // First, so that it concerns only what earlier batches wrote.
        if (redacted.Count > 0)
            commands.Add($"UPDATE {batch.Schema}.relations SET is_redacted = true WHERE event_id = ANY ($1)")
                .AddTexts([.. redacted]);
        if (erased.Count > 0)
            commands.Add($"DELETE FROM {batch.Schema}.relations WHERE event_id = ANY ($1)").AddTexts([.. erased]);
        if (eventIdToRow.Count > 0)
            AddRows(commands, batch.Schema, [.. eventIdToRow.Values]);
        if (commands.BatchCommands.Count > 0)
            await commands.ExecuteNonQueryAsync(cancellationToken);
    }

    public void Committed(ProjectionBatch batch)
    {
        foreach (var (_, fact, _) in batch.Facts)
        {
            if (fact is PduRecorded recorded)
                activity.Happened(recorded.RoomId.Value);
        }
    }

    private static void Add(
        long position, PduRecorded fact, Dictionary<string, RelationRow> eventIdToRow, HashSet<string> redacted)
    {
        if (RelationRow.Find(position, fact) is { } row)
        {
            var earlier = eventIdToRow.GetValueOrDefault(row.EventId);
            eventIdToRow[row.EventId] = earlier is null ? row : row.After(earlier);
        }
        foreach (var (target, _) in fact.Redactions)
        {
            redacted.Add(target.Value);
            if (eventIdToRow.TryGetValue(target.Value, out var known))
                eventIdToRow[target.Value] = known with { IsRedacted = true };
        }
    }

    private static void AddRows(NpgsqlBatch commands, string schema, List<RelationRow> rows)
    {
        var parameters = commands.Add(
            $"""
            INSERT INTO {schema}.relations AS r (event_id, room_id, position, disposition, relates_to, rel_type,
                key_sha256, type, sender, is_state, has_new_content, origin_server_ts, is_redacted)
            SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
            ON CONFLICT (event_id) DO UPDATE SET
                position = CASE WHEN r.disposition = 0 THEN r.position ELSE excluded.position END,
                disposition = excluded.disposition,
                is_redacted = r.is_redacted OR excluded.is_redacted
            """);
        parameters.AddTexts([.. rows.Select(row => row.EventId)]);
        parameters.AddTexts([.. rows.Select(row => row.RoomId)]);
        parameters.AddBigInts([.. rows.Select(row => row.Position)]);
        parameters.AddSmallInts([.. rows.Select(row => (short?)row.Disposition)]);
        parameters.AddTexts([.. rows.Select(row => row.Relation.EventId)]);
        parameters.AddTexts([.. rows.Select(row => row.Relation.Type)]);
        parameters.AddBytes([.. rows.Select(row => row.Relation.KeySha256)]);
        parameters.AddTexts([.. rows.Select(row => row.Type)]);
        parameters.AddTexts([.. rows.Select(row => row.Sender)]);
        parameters.AddBooleans([.. rows.Select(row => row.IsState)]);
        parameters.AddBooleans([.. rows.Select(row => row.HasNewContent)]);
        parameters.AddBigInts([.. rows.Select(row => row.OriginServerTs)]);
        parameters.AddBooleans([.. rows.Select(row => row.IsRedacted)]);
    }
}
