using System.Collections.Frozen;
using System.Collections.Immutable;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.Roomserver;
using Matrix.EventSourced.Projections.Hosting;
using Npgsql;

namespace Matrix.EventSourced.Projections.Tests.Hosting;

/// <summary>The smallest projection with an order of its own: a row per alias, and a journal of every fact in the order
/// of its coming.</summary>
public class AliasTableProjection : IProjection
{
    public static string Dump(string schema) => $"SELECT * FROM {schema}.aliases ORDER BY alias";

    public static string JournalDump(string schema) => $"SELECT position, alias FROM {schema}.journal ORDER BY ordinal";

    public virtual string Name => "aliases";

    public virtual int Version { get; init; } = 1;

    public FrozenSet<string> Handles { get; } =
        FrozenSet.Create(StringComparer.Ordinal, FactNames.AliasCreated, FactNames.AliasDeleted);

    public virtual string Ddl => """
        CREATE TABLE {schema}.aliases (alias text PRIMARY KEY, room text NOT NULL, changes integer NOT NULL);
        CREATE TABLE {schema}.journal (ordinal bigserial PRIMARY KEY, position bigint NOT NULL, alias text NOT NULL);
        """;

    /// <summary>Called at the beginning of each Apply.</summary>
    public Func<ProjectionBatch, Task>? BeforeApply { get; set; }

    /// <summary>Called after the rows of a batch, before the commit.</summary>
    public Func<ProjectionBatch, Task>? AfterApply { get; set; }

    public ImmutableList<LogPosition> CommittedPositions { get; private set; } = [];

    public ImmutableList<(string Schema, LogPosition UpTo)> LiveSince { get; private set; } = [];

    public ImmutableList<int> BatchSizes { get; private set; } = [];

    public virtual async ValueTask ApplyAsync(ProjectionBatch batch, CancellationToken cancellationToken)
    {
        if (BeforeApply is not null)
            await BeforeApply(batch);
        BatchSizes = BatchSizes.Add(batch.Facts.Count);
        foreach (var fact in batch.Facts)
        {
            await WriteAsync(batch, fact, fact.Fact switch
            {
                AliasCreated created => (created.Alias.ToString(), created.RoomId.ToString()),
                AliasDeleted deleted => (deleted.Alias.ToString(), ""),
                _ => throw new InvalidOperationException($"{fact.Record.Type} is not handled."),
            });
        }
        if (AfterApply is not null)
            await AfterApply(batch);
    }

    public void WentLive(string schema, LogPosition upTo) => LiveSince = LiveSince.Add((schema, upTo));

    public void Committed(ProjectionBatch batch) =>
        CommittedPositions = CommittedPositions.AddRange(batch.Facts.Select(f => f.Record.Position));

    private static async Task WriteAsync(ProjectionBatch batch, DecodedRecord record, (string Alias, string Room) row)
    {
        await using var command = new NpgsqlCommand(
            $"""
            INSERT INTO {batch.Schema}.aliases (alias, room, changes) VALUES (@alias, @room, 1)
            ON CONFLICT (alias) DO UPDATE SET room = excluded.room, changes = aliases.changes + 1
            """,
            batch.Connection,
            batch.Transaction);
        command.Parameters.AddWithValue("alias", row.Alias);
        command.Parameters.AddWithValue("room", row.Room);
        await command.ExecuteNonQueryAsync();
        await using var journal = new NpgsqlCommand(
            $"INSERT INTO {batch.Schema}.journal (position, alias) VALUES (@position, @alias)",
            batch.Connection,
            batch.Transaction);
        journal.Parameters.AddWithValue("position", (long)record.Record.Position.Value);
        journal.Parameters.AddWithValue("alias", row.Alias);
        await journal.ExecuteNonQueryAsync();
    }
}
