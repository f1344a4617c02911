using System.Collections.Frozen;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.Roomserver;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Protocol.Identifiers;
using Npgsql;

namespace Matrix.EventSourced.Projections.Erasure;

/// <summary>Redacted PDUs whose content still stands in the log, and which records hold it.</summary>
/// <remarks>
/// <code>
///   redactions   one row per redacted PDU, until a fact says that its content is erased
///   records      where PDUs stand that were recorded otherwise than accepted; of accepted ones the roomserver's
///                tables know it
/// </code>
/// Progress is what the log says, not what this program remembers: a replay comes to the same rows.
/// </remarks>
public sealed class ErasureProjection : IProjection
{
    public const string ProjectionName = "erasure";

    /// <summary>What a reader waits for.</summary>
    public static readonly string[] Gate = [ProjectionName, RoomserverProjection.ProjectionName];

    public string Name => ProjectionName;

    public int Version => 1;

    public FrozenSet<string> Handles { get; } = FrozenSet.Create(
        StringComparer.Ordinal, FactNames.PduRecorded, FactNames.ContentErased);

    /// <summary>Most PDUs are accepted, and redact nothing.</summary>
    public bool Concerns(IFact fact) =>
        fact is not PduRecorded { Disposition: PduDisposition.Accepted, Redactions.IsEmpty: true };

    public string Ddl => """
        CREATE TABLE {schema}.redactions (
            event_id text COLLATE "C" PRIMARY KEY,
            room_id text COLLATE "C" NOT NULL,
            redacted_by text COLLATE "C" NOT NULL,
            position bigint NOT NULL,
            recorded_ms bigint NOT NULL
        );
        CREATE INDEX redactions_position ON {schema}.redactions (position);
        CREATE TABLE {schema}.records (
            event_id text COLLATE "C" NOT NULL,
            position bigint NOT NULL,
            PRIMARY KEY (event_id, position)
        );
        """;

    public async ValueTask ApplyAsync(ProjectionBatch batch, CancellationToken cancellationToken)
    {
        var records = new List<(string EventId, long Position)>();
        var redactions = new Dictionary<string, (RoomId Room, EventId By, long Position, long RecordedMs)>();
        var erased = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (record, fact, _) in batch.Facts)
        {
            var position = (long)record.Position.Value;
            switch (fact)
            {
                case PduRecorded recorded:
                    if (recorded.Disposition != PduDisposition.Accepted)
                        records.Add((recorded.EventId.Value, position));
                    // Redacted again after it was erased: there is nothing to erase, but asking costs little.
                    foreach (var (target, by) in recorded.Redactions)
                        redactions.TryAdd(target.Value, (recorded.RoomId, by, position, record.CreatedMs));
                    break;
                case ContentErased gone:
                    erased.Add(gone.EventId.Value);
                    redactions.Remove(gone.EventId.Value);
                    break;
            }
        }
        await using var commands = new NpgsqlBatch(batch.Connection, batch.Transaction);
        if (erased.Count > 0)
            commands.Add($"DELETE FROM {batch.Schema}.redactions WHERE event_id = ANY ($1)").AddTexts([.. erased]);
        if (records.Count > 0)
            AddRecords(commands, batch.Schema, records);
        if (redactions.Count > 0)
            AddRedactions(commands, batch.Schema, redactions);
        if (commands.BatchCommands.Count > 0)
            await commands.ExecuteNonQueryAsync(cancellationToken);
    }

    public void Committed(ProjectionBatch batch)
    {
    }

    private static void AddRecords(NpgsqlBatch commands, string schema, List<(string EventId, long Position)> records)
    {
        var parameters = commands.Add(
            $"INSERT INTO {schema}.records (event_id, position) SELECT * FROM unnest($1, $2) ON CONFLICT DO NOTHING");
        parameters.AddTexts([.. records.Select(row => row.EventId)]);
        parameters.AddBigInts([.. records.Select(row => row.Position)]);
    }

    /// <summary>The first redaction counts: the content is due from then on.</summary>
    private static void AddRedactions(
        NpgsqlBatch commands,
        string schema,
        Dictionary<string, (RoomId Room, EventId By, long Position, long RecordedMs)> redactions)
    {
        var rows = redactions.ToList();
        var parameters = commands.Add(
            $"""
            INSERT INTO {schema}.redactions (event_id, room_id, redacted_by, position, recorded_ms)
            SELECT * FROM unnest($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING
            """);
        parameters.AddTexts([.. rows.Select(row => row.Key)]);
        parameters.AddTexts([.. rows.Select(row => row.Value.Room.Value)]);
        parameters.AddTexts([.. rows.Select(row => row.Value.By.Value)]);
        parameters.AddBigInts([.. rows.Select(row => row.Value.Position)]);
        parameters.AddBigInts([.. rows.Select(row => row.Value.RecordedMs)]);
    }
}
