using System.Collections.Frozen;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.DelayedEvents;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.Roomserver;
using Npgsql;

namespace Matrix.EventSourced.Projections.DelayedEvents;

/// <summary>Which events wait to be sent, and until when.</summary>
/// <remarks>
/// <code>
///   delayed_events   one row per event that waits; what became of the others, their streams say
/// </code>
/// A client in a call restarts its event every few seconds, so a batch writes each row once.
/// </remarks>
public sealed class DelayedEventsProjection(DelayedEventBell bell) : IProjection
{
    public const string ProjectionName = "delayedevents";

    /// <summary>What reads of this component wait for.</summary>
    public static readonly ReadOnlyMemory<string> Gate = new[] { ProjectionName };

    public string Name => ProjectionName;

    public int Version => 1;

    public FrozenSet<string> Handles { get; } = FrozenSet.Create(
        StringComparer.Ordinal, FactNames.DelayedEventChanged);

    public string Ddl => """
        CREATE TABLE {schema}.delayed_events (
            delay_id text COLLATE "C" PRIMARY KEY,
            sender text COLLATE "C" NOT NULL,
            due_ms bigint NOT NULL
        );
        CREATE INDEX delayed_events_due ON {schema}.delayed_events (due_ms, delay_id);
        CREATE INDEX delayed_events_sender ON {schema}.delayed_events (sender, due_ms, delay_id);
        """;

    public async ValueTask ApplyAsync(ProjectionBatch batch, CancellationToken cancellationToken)
    {
        var idToLast = new Dictionary<string, DelayedEventChanged>(StringComparer.Ordinal);
        foreach (var record in batch.Facts)
        {
            if (record.Fact is DelayedEventChanged changed)
                idToLast[changed.DelayId] = changed;
        }
        if (idToLast.Count == 0)
            return;
        var waiting = idToLast.Values.Where(one => one.Finalised is null).ToList();
        var ended = idToLast.Values.Where(one => one.Finalised is not null).Select(one => one.DelayId).ToArray();
        await using var commands = new NpgsqlBatch(batch.Connection, batch.Transaction);
        if (ended.Length > 0)
            commands.Add($"DELETE FROM {batch.Schema}.delayed_events WHERE delay_id = ANY ($1)").AddTexts(ended);
        if (waiting.Count > 0)
        {
            var parameters = commands.Add(
                $"""
                INSERT INTO {batch.Schema}.delayed_events (delay_id, sender, due_ms)
                SELECT * FROM unnest($1, $2, $3)
                ON CONFLICT (delay_id) DO UPDATE SET due_ms = EXCLUDED.due_ms
                """);
            parameters.AddTexts([.. waiting.Select(one => one.DelayId)]);
            parameters.AddTexts([.. waiting.Select(one => one.Sender.Value)]);
            parameters.AddBigInts([.. waiting.Select(one => one.DelayedSinceTs + one.DelayMs)]);
        }
        await commands.ExecuteNonQueryAsync(cancellationToken);
    }

    public void Committed(ProjectionBatch batch)
    {
        foreach (var record in batch.Facts)
        {
            if (record.Fact is DelayedEventChanged { Finalised: null })
            {
                bell.Ring();
                return;
            }
        }
    }
}
