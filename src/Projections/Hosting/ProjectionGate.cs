using System.Diagnostics.Metrics;
using Matrix.EventSourced.EventStore;
using Microsoft.Extensions.Logging;

namespace Matrix.EventSourced.Projections.Hosting;

/// <inheritdoc cref="IProjectionGate"/>
public sealed partial class ProjectionGate(
    ProjectionRegistry registry,
    IEventReader reader,
    TimeProvider time,
    ProjectionOptions options,
    ILogger<ProjectionGate> logger) : IProjectionGate
{
    private static readonly Counter<long> TimeoutCounter = ProjectionMeter.Meter.CreateCounter<long>(
        "projection_gate_timeouts", description: "Reads that were answered before their projection had caught up.");

    private readonly LogHead _head = new(reader);
    private long _timeouts;

    /// <summary>Reads that were answered from tables older than the log's head, since the start.</summary>
    public long Timeouts => Interlocked.Read(ref _timeouts);

    public ValueTask<LogPosition> WaitForHeadAsync(
        ReadOnlyMemory<string> projections,
        CancellationToken cancellationToken)
    {
        var head = _head.ReadAsync(cancellationToken);
        return head.IsCompletedSuccessfully
            ? WaitForAsync(projections, head.Result, cancellationToken)
            : ReadThenWaitAsync(head, projections, cancellationToken);
    }

    public ValueTask<LogPosition> WaitForAsync(
        ReadOnlyMemory<string> projections,
        LogPosition position,
        CancellationToken cancellationToken)
    {
        var reached = Reached(projections);
        return reached >= position
            ? new(reached)
            : WaitSlowlyAsync(projections, position, options.GateTimeout, cancellationToken);
    }

    public async ValueTask<LogPosition> RequireHeadAsync(
        ReadOnlyMemory<string> projections,
        CancellationToken cancellationToken)
    {
        var head = await _head.ReadAsync(cancellationToken);
        var reached = Reached(projections);
        if (reached < head)
            reached = await WaitSlowlyAsync(projections, head, options.DecisionTimeout, cancellationToken);
        return reached >= head
            ? reached
            : throw new ProjectionBehindException($"The tables have come to {reached}, the log is at {head}.");
    }

    private async ValueTask<LogPosition> ReadThenWaitAsync(
        ValueTask<LogPosition> head,
        ReadOnlyMemory<string> projections,
        CancellationToken cancellationToken) =>
        await WaitForAsync(projections, await head, cancellationToken);

    private async ValueTask<LogPosition> WaitSlowlyAsync(
        ReadOnlyMemory<string> projections,
        LogPosition position,
        TimeSpan timeout,
        CancellationToken cancellationToken)
    {
        var began = time.GetTimestamp();
        for (var i = 0; i < projections.Length; i++)
        {
            var applied = registry.Get(projections.Span[i]).Applied;
            var left = timeout - time.GetElapsedTime(began);
            if (await applied.WaitAsync(position, left > TimeSpan.Zero ? left : TimeSpan.Zero, time, cancellationToken))
                continue;

            Interlocked.Increment(ref _timeouts);
            TimeoutCounter.Add(1, new KeyValuePair<string, object?>("projection", projections.Span[i]));
            var waitedMs = time.GetElapsedTime(began).TotalMilliseconds;
            LogTimeout(projections.Span[i], position.Value, applied.Value.Value, waitedMs);
        }
        return Reached(projections);
    }

    private LogPosition Reached(ReadOnlyMemory<string> projections)
    {
        var names = projections.Span;
        var least = new LogPosition(ulong.MaxValue);
        for (var i = 0; i < names.Length; i++)
            least = LogPosition.Min(least, registry.Get(names[i]).Applied.Value);
        return least;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message =
        "A read waited {waited_ms} ms for projection {projection} to reach {position}; answered with {applied}.")]
    private partial void LogTimeout(string projection, ulong position, ulong applied, double waited_ms);
}
