using System.Collections.Immutable;
using System.Data;
using System.Runtime.CompilerServices;
using Matrix.EventSourced.EventStore;
using Npgsql;

namespace Matrix.EventSourced.Projections.Hosting;

/// <content>Proving that tables are what the log says.</content>
public sealed partial class ProjectionHost
{
    /// <summary>LIMIT: rows named per table. Ours: more of them tell nobody more.</summary>
    private const int DifferencesMax = 100;

    /// <summary>Replays the log into tables of its own and compares them, row by row, with those that serve.</summary>
    /// <remarks>
    /// Works in a running server, whose projection stands still for the moment in which both are brought to the same
    /// position and looked at in one snapshot, and in a stopped one (after <see cref="LookStoppedAsync"/>), whose
    /// tables are compared as of where they stand: what the log has behind that comes in with the next start.
    /// Errors: <see cref="ProjectionStoppedException"/> when the log cannot be replayed.
    /// Cost: a rebuild, and one pass over both sets of tables.
    /// </remarks>
    public async IAsyncEnumerable<RowDifference> VerifyAsync(
        string projection, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var entry = _registry.Get(projection);
        await entry.RebuildTurn.WaitAsync(cancellationToken);
        Checkpoint? made = null;
        try
        {
            if (entry.LiveSchema is null)
                yield break;
            LogPosition? end = entry.Live is null ? await StandsAtAsync(entry.LiveSchema, cancellationToken) : null;
            var generation = await NextGenerationAsync(entry.Projection, cancellationToken);
            made = await _schemas.CreateAsync(entry.Projection, generation, isRebuild: false, cancellationToken);
            var replayed = await BuildAsync(entry, made, end, cancellationToken);
            await using var connection = await _services.DataSource.OpenConnectionAsync(cancellationToken);
            await using var snapshot =
                await connection.BeginTransactionAsync(IsolationLevel.RepeatableRead, cancellationToken);
            var live = await AlignAsync(entry, replayed, connection, cancellationToken);
            foreach (var table in await SchemaDifference.TablesAsync(connection, live, cancellationToken))
            {
                var differences = SchemaDifference.FindAsync(
                    connection, table, live, replayed.Schema, DifferencesMax, cancellationToken);
                await foreach (var difference in differences)
                    yield return difference;
            }
        }
        finally
        {
            entry.Rebuild = null;
            if (made is not null)
                await _schemas.DropAsync(made.Schema, CancellationToken.None);
            entry.RebuildTurn.Release();
        }
    }

    /// <summary>Makes a stopped server's tables known, without running any projection and without changing a
    /// row.</summary>
    /// <remarks>Ensures: tables of another log, or of another version, are left as they are and serve nobody;
    /// <see cref="NotComparable"/> says so.</remarks>
    public async Task LookStoppedAsync(CancellationToken cancellationToken)
    {
        var found = await _preparation.LookAsync(_projections, cancellationToken);
        if (found.OtherLog is { } otherLog)
        {
            NotComparable =
                [$"the tables are not from this log ({otherLog}); the next start drops and replays them"];
            return;
        }
        var reasons = ImmutableArray.CreateBuilder<string>();
        foreach (var projection in _projections)
        {
            if (!found.NameToLive.TryGetValue(projection.Name, out var live))
                continue;
            if (_preparation.IsCurrent(projection, live))
                _registry.Get(projection.Name).LiveSchema = live.Schema;
            else
                reasons.Add($"{live.Schema} is of version {live.Version}, not {projection.Version}, or of other tables");
        }
        NotComparable = reasons.ToImmutable();
    }

    /// <summary>Why some tables of a stopped server cannot be compared with this log by this program; empty when all
    /// can.</summary>
    public ImmutableArray<string> NotComparable { get; private set; } = [];

    /// <summary>The names of all projections.</summary>
    public IReadOnlyList<string> Names => [.. _projections.Select(projection => projection.Name)];

    private async Task<LogPosition> StandsAtAsync(string schema, CancellationToken cancellationToken)
    {
        await using var connection = await _services.DataSource.OpenConnectionAsync(cancellationToken);
        return await CheckpointTable.ReadAsync(connection, schema, cancellationToken)
            ?? throw new ProjectionStoppedException($"The checkpoint of {schema} is gone.");
    }

    /// <summary>Brings the replayed tables to where those that serve stand, and takes the snapshot there; answers the
    /// schema that serves.</summary>
    private async Task<string> AlignAsync(
        ProjectionEntry entry,
        ProjectionLoop replayed,
        NpgsqlConnection snapshot,
        CancellationToken cancellationToken)
    {
        var live = entry.Live;
        var isRunning = live is not null && await live.PauseAsync();
        try
        {
            var schema = entry.LiveSchema!;
            while (isRunning && replayed.Position != live!.Loop.Position)
            {
                var behind = replayed.Position < live.Loop.Position ? replayed : live.Loop;
                var target = LogPosition.Max(replayed.Position, live.Loop.Position);
                await RunAsync(entry, behind, target, untilCaughtUp: false, cancellationToken);
            }
            // The first statement takes the snapshot.
            await CheckpointTable.ReadAsync(snapshot, schema, cancellationToken);
            return schema;
        }
        finally
        {
            if (isRunning)
                live!.Start(_abort.Token);
        }
    }
}
