using System.Collections.Immutable;
using Matrix.EventSourced.EventStore;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Matrix.EventSourced.Projections.Hosting;

/// <summary>Runs every projection: each in a loop of its own, none waits for another.</summary>
/// <remarks>
/// Ensures: <see cref="StartAsync"/> returns when every projection has reached the head of the log as it was at the
/// call, or has stopped with a problem that <see cref="ProjectionHealth"/> tells. What is missing (an empty database, a
/// new version, another log) is built first, with lines that say how far it is.
/// </remarks>
public sealed partial class ProjectionHost : IHostedService, IAsyncDisposable
{
    private readonly IReadOnlyList<IProjection> _projections;
    private readonly ProjectionRegistry _registry;
    private readonly ProjectionPreparation _preparation;
    private readonly SchemaBuilder _schemas;
    private readonly LoopServices _services;
    private readonly CancellationTokenSource _abort = new();
    private readonly CancellationTokenSource _stopping = new();
    private ImmutableList<Task> _background = [];
    private bool _isStopped;

    public ProjectionHost(
        IEnumerable<IProjection> projections,
        IEnumerable<IFixedSchema> fixedSchemas,
        ProjectionRegistry registry,
        ProjectionHealth health,
        DocumentStores documents,
        IEventReader log,
        NpgsqlDataSource dataSource,
        TimeProvider time,
        ProjectionOptions options,
        ILogger<ProjectionHost> logger)
    {
        _projections = [.. projections.OrderBy(p => p.Name, StringComparer.Ordinal)];
        foreach (var projection in _projections)
            SchemaBuilder.CheckName(projection);
        _registry = registry;
        _registry.Fill(_projections);
        _services = new(log, dataSource, time, options, health, new DecodedRecords(), logger);
        _schemas = new(dataSource, documents);
        _preparation = new(_services, _schemas, documents, [.. fixedSchemas]);
    }

    /// <summary>How far each projection is, by name.</summary>
    public IReadOnlyList<ProjectionStatus> Status => [.. _registry.Entries.Select(e => new ProjectionStatus(
        e.Projection.Name,
        e.Projection.Version,
        e.LiveSchema,
        e.Applied.Value,
        e.Rebuild,
        _services.Health.Find(e.Projection.Name)))];

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        var began = _services.Time.GetTimestamp();
        var head = await _services.Log.ReadHeadAsync(cancellationToken);
        var nameToKept = await _preparation.RunAsync(_projections, cancellationToken);
        var starts = _projections
            .Select(p => p.Name)
            .Select(n => StartOneAsync(_registry.Get(n), nameToKept[n], head, cancellationToken))
            .ToArray();
        await Task.WhenAll(starts);
        LogStarted(
            Logger, _projections.Count, head.Value, _services.Time.GetElapsedTime(began).TotalMilliseconds);
        string[] toBuild = [.. nameToKept.Where(kept => IsToBuildBeside(kept.Value)).Select(kept => kept.Key).Order()];
        if (toBuild.Length > 0)
            RunInBackground(BuildBesideAsync(toBuild));
    }

    /// <summary>Ends every loop after the batch in hand; when the token fires first, inside it.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        if (_isStopped)
            return;
        _isStopped = true;
        await using var registration = cancellationToken.Register(_abort.Cancel);
        await _stopping.CancelAsync();
        await Task.WhenAll(_background);
        await Task.WhenAll(_registry.Entries.Select(e => e.Live?.PauseAsync() ?? Task.CompletedTask));
        foreach (var entry in _registry.Entries)
            entry.Applied.Stop();
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync(CancellationToken.None);
        foreach (var entry in _registry.Entries)
            entry.Live?.Dispose();
        _abort.Dispose();
        _stopping.Dispose();
    }

    private async Task StartOneAsync(
        ProjectionEntry entry,
        KeptVersions kept,
        LogPosition head,
        CancellationToken cancellationToken)
    {
        entry.Planned = kept.Unfinished;
        if (kept.Serves is not { } serves)
        {
            await BuildFirstAsync(entry, cancellationToken);
            return;
        }
        var progress = Report(entry, serves.Schema, serves.Position, head);
        ProjectionLoop? loop = null;
        loop = new ProjectionLoop(entry, serves, _services) { Progressed = () => Progress(loop!, progress) };
        loop.GoLive();
        entry.Live = new LiveLoop(loop);
        entry.Live.Start(_abort.Token);
        await entry.Applied.WaitAsync(head, Timeout.InfiniteTimeSpan, _services.Time, cancellationToken);
        loop.Progressed = null;
        progress.SayDone(loop.Position, loop.RecordCount, always: false);

        void Progress(ProjectionLoop running, ProgressReport report)
        {
            if (running.Position < head)
                report.MaybeSay(report.Measure(running.Position, running.RecordCount));
        }
    }

    private ProgressReport Report(ProjectionEntry entry, string schema, LogPosition from, LogPosition head) => new(
        entry.Projection.Name, schema, from, head, _services.Time, _services.Options.ProgressEvery, _services.Logger);

    private ILogger Logger => _services.Logger;

    [LoggerMessage(Level = LogLevel.Information, Message =
        "{count} projections have reached {position}, the head of the log at the start, in {elapsed_ms} ms.")]
    private static partial void LogStarted(ILogger logger, int count, ulong position, double elapsed_ms);
}
