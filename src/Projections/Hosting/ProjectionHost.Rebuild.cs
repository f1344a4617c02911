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
    /// Goes on with a build that was planned or interrupted. Cancelled, or the process killed: the tables stay as far
    /// as they are, and the next call or the next start goes on with them.
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
            var builder = await BuildPlannedAsync(entry, ending.Token);
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

    /// <summary>Notes durably that these are to be rebuilt, before the first begins: a crash in the middle of many
    /// forgets none.</summary>
    /// <remarks>Ensures: a projection for which an unfinished build is held keeps that.</remarks>
    public async Task PlanRebuildAsync(IReadOnlyList<string> projections, CancellationToken cancellationToken)
    {
        foreach (var name in projections)
        {
            var entry = _registry.Get(name);
            // One that is being built at this moment has its row already.
            if (!await entry.RebuildTurn.WaitAsync(TimeSpan.Zero, cancellationToken))
                continue;
            try
            {
                await PlanAsync(entry, cancellationToken);
            }
            finally
            {
                entry.RebuildTurn.Release();
            }
        }
    }

    /// <summary>The <c>rebuild</c> command: for a stopped server. Drops nothing before the new generation is
    /// complete.</summary>
    /// <remarks>Cancelled or killed: the next call goes on, with those that were not complete; so does the next start
    /// of the server.</remarks>
    /// <param name="projection">The name, or <c>all</c>.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task RebuildStoppedAsync(string projection, CancellationToken cancellationToken)
    {
        var nameToKept = await _preparation.RunAsync(_projections, cancellationToken);
        foreach (var (name, kept) in nameToKept)
            _registry.Get(name).Planned = kept.Unfinished;
        var interrupted = _projections.Select(p => p.Name).Where(n => _registry.Get(n).Planned is not null).ToArray();
        var chosen = projection != "all" ? [projection]
            : interrupted.Length > 0 ? interrupted
            : Names;
        await PlanRebuildAsync(chosen, cancellationToken);
        // Nobody is served meanwhile: every core has one.
        var atOnce = new ParallelOptions
        {
            MaxDegreeOfParallelism = Environment.ProcessorCount, CancellationToken = cancellationToken,
        };
        await Parallel.ForEachAsync(chosen, atOnce, async (name, ending) =>
        {
            var entry = _registry.Get(name);
            var builder = await BuildPlannedAsync(entry, ending);
            await SwitchTablesAsync(entry, builder, ending);
            entry.Planned = null;
            await DropOthersAsync(entry, builder.Schema, ending);
        });
    }

    private static bool IsToBuildBeside(KeptVersions kept) =>
        kept.Serves is not null && (kept.Unfinished is not null || !kept.IsCurrent);

    /// <summary>After the start: what an older program's tables serve for, and what a crash interrupted, one after the
    /// other, so that those who serve keep a core.</summary>
    private async Task BuildBesideAsync(IReadOnlyList<string> projections)
    {
        foreach (var name in projections)
        {
            var from = _registry.Get(name).Planned?.Position ?? LogPosition.Start;
            LogBuildingBeside(Logger, name, from.Value);
            try
            {
                await RebuildAsync(name, _stopping.Token);
            }
            catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
            {
                return;
            }
            catch (Exception problem)
            {
                LogNotBuilt(Logger, problem, name);
            }
        }
    }

    /// <summary>Before the server serves: nothing is live yet, or only tables that this code cannot read.</summary>
    private async Task BuildFirstAsync(ProjectionEntry entry, CancellationToken cancellationToken)
    {
        try
        {
            var builder = await BuildPlannedAsync(entry, cancellationToken);
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
        await DropOthersAsync(entry, entry.LiveSchema, cancellationToken);
    }

    private async Task<Checkpoint> PlanAsync(ProjectionEntry entry, CancellationToken cancellationToken) =>
        entry.Planned ??= await _schemas.CreateAsync(
            entry.Projection,
            await NextGenerationAsync(entry.Projection, cancellationToken),
            isRebuild: true,
            cancellationToken);

    /// <summary>Replays the log into the planned generation, up to the head.</summary>
    private async Task<ProjectionLoop> BuildPlannedAsync(ProjectionEntry entry, CancellationToken cancellationToken)
    {
        var planned = await PlanAsync(entry, cancellationToken);
        try
        {
            return await BuildAsync(entry, planned, null, cancellationToken);
        }
        catch (ProjectionStoppedException) when (entry.Live is not null)
        {
            entry.Planned = null;
            await _schemas.DropAsync(planned.Schema, CancellationToken.None);
            throw;
        }
    }

    /// <summary>Replays the log into a generation that is not live, up to <paramref name="end"/>, or to the
    /// head.</summary>
    private async Task<ProjectionLoop> BuildAsync(
        ProjectionEntry entry,
        Checkpoint checkpoint,
        LogPosition? end,
        CancellationToken cancellationToken)
    {
        var head = end ?? await _services.Log.ReadHeadAsync(cancellationToken);
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
        await RunAsync(entry, loop, end, untilCaughtUp: end is null, cancellationToken);
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
        entry.Planned = null;
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

    private async Task DropOthersAsync(ProjectionEntry entry, string? kept, CancellationToken cancellationToken)
    {
        foreach (var schema in await _schemas.FindAsync(entry.Projection.Name, cancellationToken))
        {
            if (schema != kept)
                await _schemas.DropAsync(schema, cancellationToken);
        }
    }

    /// <summary>Queries that asked for the old name a moment ago still find its tables.</summary>
    private void DropLater(string schema) => RunInBackground(DropAfterGraceAsync(schema));

    private void RunInBackground(Task work) => ImmutableInterlocked.Update(
        ref _background, static (all, task) => all.RemoveAll(t => t.IsCompleted).Add(task), work);

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

    [LoggerMessage(Level = LogLevel.Information, Message =
        "Projection {projection} is built from {position} on beside the tables that serve.")]
    private static partial void LogBuildingBeside(ILogger logger, string projection, ulong position);

    [LoggerMessage(Level = LogLevel.Error, Message =
        "Projection {projection} was not built; what serves goes on serving.")]
    private static partial void LogNotBuilt(ILogger logger, Exception error, string projection);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{schema} was not dropped; the next start drops it.")]
    private static partial void LogNotDropped(ILogger logger, Exception error, string schema);
}
