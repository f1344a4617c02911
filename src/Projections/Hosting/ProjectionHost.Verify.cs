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
    /// position and looked at in one snapshot, and in a stopped one (after <see cref="PrepareStoppedAsync"/>).
    /// Errors: <see cref="ProjectionStoppedException"/> when the log cannot be replayed.
    /// Cost: a rebuild, and one pass over both sets of tables.
    /// </remarks>
    public async IAsyncEnumerable<RowDifference> VerifyAsync(
        string projection, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var entry = _registry.Get(projection);
        await entry.RebuildTurn.WaitAsync(cancellationToken);
        ProjectionLoop? replayed = null;
        try
        {
            replayed = await BuildAsync(entry, null, cancellationToken);
            await using var connection = await _services.DataSource.OpenConnectionAsync(cancellationToken);
            await using var snapshot =
                await connection.BeginTransactionAsync(IsolationLevel.RepeatableRead, cancellationToken);
            var live = await AlignAsync(entry, replayed, connection, cancellationToken);
            if (live is null)
                yield break;
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
            if (replayed is not null)
                await _schemas.DropAsync(replayed.Schema, CancellationToken.None);
            entry.RebuildTurn.Release();
        }
    }

    /// <summary>Makes a stopped server's tables known, without running any projection.</summary>
    public async Task PrepareStoppedAsync(CancellationToken cancellationToken)
    {
        foreach (var (name, checkpoint) in await _preparation.RunAsync(_projections, cancellationToken))
        {
            if (checkpoint.IsLive)
                _registry.Get(name).LiveSchema = checkpoint.Schema;
        }
    }

    /// <summary>The names of all projections.</summary>
    public IReadOnlyList<string> Names => [.. _projections.Select(projection => projection.Name)];

    /// <summary>Brings the replayed tables to where those that serve stand, and takes the snapshot there; answers the
    /// schema that serves, or null when none does.</summary>
    private async Task<string?> AlignAsync(
        ProjectionEntry entry,
        ProjectionLoop replayed,
        NpgsqlConnection snapshot,
        CancellationToken cancellationToken)
    {
        var live = entry.Live;
        var isRunning = live is not null && await live.PauseAsync();
        try
        {
            if (entry.LiveSchema is not { } schema)
                return null;
            while (isRunning && replayed.Position != live!.Loop.Position)
            {
                var behind = replayed.Position < live.Loop.Position ? replayed : live.Loop;
                var target = LogPosition.Max(replayed.Position, live.Loop.Position);
                await RunAsync(entry, behind, target, untilCaughtUp: false, cancellationToken);
            }
            // The first statement takes the snapshot.
            var held = await CheckpointTable.ReadAsync(snapshot, schema, cancellationToken);
            if (!isRunning && held is { } stopped && stopped > replayed.Position)
                throw new ProjectionStoppedException($"{schema} stands at {stopped}, behind the end of the log.");
            return schema;
        }
        finally
        {
            if (isRunning)
                live!.Start(_abort.Token);
        }
    }
}
