using System.Collections.Immutable;
using Matrix.EventSourced.EventStore;
using Microsoft.Extensions.Logging;

namespace Matrix.EventSourced.Projections.Hosting;

/// <content>Building a version beside the live one, and switching over.</content>
public sealed partial class ProjectionHost
{
    /// <summary>Builds a new generation of a projection from the whole log while the live one serves, then switches
    /// over.</summary>
    /// <remarks>
    /// Requires: the host has started. One rebuild of a projection at a time; a second one waits for the first.
    /// Errors: <see cref="ProjectionStoppedException"/> when the new generation cannot be built; the live one goes on.
    /// </remarks>
    public async Task RebuildAsync(string projection, CancellationToken cancellationToken)
    {
        var entry = _registry.Get(projection);
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _stopping.Token);
        await entry.RebuildTurn.WaitAsync(ending.Token);
        var problemBefore = _services.Health.Find(projection);
        try
        {
            var held = entry.LiveSchema;
            var builder = await BuildAsync(entry, null, ending.Token);
            await SwitchAsync(entry, builder, ending.Token);
            if (held is not null)
                DropLater(held);
        }
        catch (ProjectionStoppedException) when (problemBefore is null && entry.Live is not null)
        {
            // The new generation failed, not the one that serves.
            _services.Health.Clear(projection);
            throw;
        }
        finally
        {
            entry.Rebuild = null;
            entry.RebuildTurn.Release();
        }
    }

    /// <summary>Every projection, one after the other, so that the live ones keep a core.</summary>
    public async Task RebuildAllAsync(CancellationToken cancellationToken)
    {
        foreach (var projection in _projections)
            await RebuildAsync(projection.Name, cancellationToken);
    }

    /// <summary>The <c>rebuild</c> command: for a stopped server. Drops nothing before the new generation is
    /// complete.</summary>
    /// <param name="projection">The name, or <c>all</c>.</param>
    /// <param name="cancellationToken">Ends it; what was built so far is thrown away at the next start.</param>
    public async Task RebuildStoppedAsync(string projection, CancellationToken cancellationToken)
    {
        var chosen = projection == "all" ? _projections : [_registry.Get(projection).Projection];
        await _preparation.RunAsync(_projections, cancellationToken);
        foreach (var one in chosen)
        {
            var entry = _registry.Get(one.Name);
            var builder = await BuildAsync(entry, null, cancellationToken);
            await SwitchTablesAsync(entry, builder, cancellationToken);
            foreach (var schema in await _schemas.FindAsync(one.Name, cancellationToken))
            {
                if (schema != builder.Schema)
                    await _schemas.DropAsync(schema, cancellationToken);
            }
        }
    }

    /// <summary>Before the server serves: nothing is live yet, or only tables that this code cannot read.</summary>
    private async Task BuildFirstAsync(
        ProjectionEntry entry,
        Checkpoint? unfinished,
        CancellationToken cancellationToken)
    {
        try
        {
            var builder = await BuildAsync(entry, unfinished, cancellationToken);
            await SwitchAsync(entry, builder, cancellationToken);
        }
        catch (ProjectionStoppedException)
        {
            // Health is red and says why; the rest of the server may still be of use.
            return;
        }
        finally
        {
            entry.Rebuild = null;
        }
        foreach (var schema in await _schemas.FindAsync(entry.Projection.Name, cancellationToken))
        {
            if (schema != entry.LiveSchema)
                await _schemas.DropAsync(schema, cancellationToken);
        }
    }

    /// <summary>Replays the log into a generation that is not live, up to the head.</summary>
    private async Task<ProjectionLoop> BuildAsync(
        ProjectionEntry entry,
        Checkpoint? unfinished,
        CancellationToken cancellationToken)
    {
        var checkpoint = unfinished ?? await _schemas.CreateAsync(
            entry.Projection, await NextGenerationAsync(entry.Projection, cancellationToken), cancellationToken);
        var head = await _services.Log.ReadHeadAsync(cancellationToken);
        var progress = Report(entry, checkpoint.Schema, checkpoint.Position, head);
        ProjectionLoop? loop = null;
        loop = new ProjectionLoop(entry, checkpoint, _services)
        {
            Progressed = () =>
            {
                entry.Rebuild = progress.Measure(loop!.Position, loop.RecordCount);
                progress.MaybeSay(entry.Rebuild);
            },
        };
        try
        {
            await RunAsync(entry, loop, null, untilCaughtUp: true, cancellationToken);
        }
        catch when (entry.Live is not null)
        {
            await _schemas.DropAsync(loop.Schema, CancellationToken.None);
            throw;
        }
        loop.Progressed = null;
        if (head > LogPosition.Start)
            progress.SayDone(loop.Position, loop.RecordCount, always: true);
        return loop;
    }

    private async Task RunAsync(
        ProjectionEntry entry,
        ProjectionLoop loop,
        LogPosition? stopAt,
        bool untilCaughtUp,
        CancellationToken cancellationToken)
    {
        var end = await loop.RunAsync(stopAt, untilCaughtUp, cancellationToken, _abort.Token);
        cancellationToken.ThrowIfCancellationRequested();
        if (end == LoopEnd.Stopped)
        {
            var problem = _services.Health.Find(entry.Projection.Name);
            throw new ProjectionStoppedException(
                $"{loop.Schema} cannot be built: at {problem?.Position}, "
                + $"{problem?.RecordType ?? "no record"}: {problem?.Error}");
        }
    }

    /// <summary>Brings both generations to the same position and lets the new one go on from there.</summary>
    /// <remarks>Between pause and switch the old tables answer; writes wait in the log for the few milliseconds that
    /// this takes.</remarks>
    private async Task SwitchAsync(ProjectionEntry entry, ProjectionLoop builder, CancellationToken cancellationToken)
    {
        var old = entry.Live;
        var isOldRunning = old is not null && await old.PauseAsync();
        try
        {
            // INVARIANT: no fact is announced twice or never: the old generation ends exactly where the new one begins.
            while (isOldRunning && builder.Position != old!.Loop.Position)
            {
                var behind = builder.Position < old.Loop.Position ? builder : old.Loop;
                var target = LogPosition.Max(builder.Position, old.Loop.Position);
                await RunAsync(entry, behind, target, untilCaughtUp: false, cancellationToken);
            }
            await SwitchTablesAsync(entry, builder, cancellationToken);
        }
        catch when (isOldRunning)
        {
            old!.Start(_abort.Token);
            throw;
        }
        builder.GoLive();
        entry.Live = new LiveLoop(builder);
        entry.Live.Start(_abort.Token);
        LogLive(Logger, entry.Projection.Name, builder.Schema, builder.Position.Value);
    }

    private async Task SwitchTablesAsync(
        ProjectionEntry entry,
        ProjectionLoop builder,
        CancellationToken cancellationToken)
    {
        await using var connection = await _services.DataSource.OpenConnectionAsync(cancellationToken);
        await CheckpointTable.SwitchAsync(connection, entry.Projection.Name, builder.Schema, cancellationToken);
    }

    private async Task<int> NextGenerationAsync(IProjection projection, CancellationToken cancellationToken)
    {
        var taken = await _schemas.FindAsync(projection.Name, cancellationToken);
        var generation = 0;
        while (taken.Contains(SchemaBuilder.NameOf(projection, generation), StringComparer.Ordinal))
            generation++;
        return generation;
    }

    /// <summary>Queries that asked for the old name a moment ago still find its tables.</summary>
    private void DropLater(string schema) =>
        ImmutableInterlocked.Update(
            ref _background,
            static (all, task) => all.RemoveAll(t => t.IsCompleted).Add(task),
            DropAfterGraceAsync(schema));

    private async Task DropAfterGraceAsync(string schema)
    {
        try
        {
            await Task.Delay(_services.Options.OldSchemaGrace, _services.Time, _stopping.Token);
            await _schemas.DropAsync(schema, _stopping.Token);
        }
        catch (OperationCanceledException)
        {
            // The next start drops it: no checkpoint names it.
        }
        catch (Exception e)
        {
            LogNotDropped(Logger, e, schema);
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message =
        "Projection {projection}: {schema} is live from {position} on.")]
    private static partial void LogLive(ILogger logger, string projection, string schema, ulong position);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{schema} was not dropped; the next start drops it.")]
    private static partial void LogNotDropped(ILogger logger, Exception error, string schema);
}
