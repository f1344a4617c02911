using Matrix.EventSourced.EventStore;
using Microsoft.Extensions.Logging;

namespace Matrix.EventSourced.Projections.Hosting;

/// <summary>Says now and then how far a catch-up is.</summary>
/// <remarks>Shape: percent and estimate are of positions, since an engine does not know how many records it
/// holds.</remarks>
internal sealed partial class ProgressReport(
    string projection,
    string schema,
    LogPosition from,
    LogPosition head,
    TimeProvider time,
    TimeSpan every,
    ILogger logger)
{
    private readonly long _began = time.GetTimestamp();
    private long _said = time.GetTimestamp();
    private bool _hasSaid;

    public RebuildProgress Measure(LogPosition at, long recordCount)
    {
        var elapsed = time.GetElapsedTime(_began);
        var total = head.Value > from.Value ? head.Value - from.Value : 0;
        var done = at.Value > from.Value ? Math.Min(at.Value - from.Value, total) : 0;
        var share = total == 0 ? 1 : (double)done / total;
        var perSecond = elapsed > TimeSpan.Zero ? recordCount / elapsed.TotalSeconds : 0;
        return new(at, head, share * 100, perSecond, share > 0.001 ? elapsed * ((1 - share) / share) : null);
    }

    public void MaybeSay(RebuildProgress progress)
    {
        if (time.GetElapsedTime(_said) < every)
            return;
        _said = time.GetTimestamp();
        _hasSaid = true;
        LogProgress(projection, schema, Math.Round(progress.Percent, 1), Math.Round(progress.FactsPerSecond),
            progress.Estimate is { } left ? Math.Ceiling(left.TotalSeconds) : -1);
    }

    /// <summary>The last line: always after a rebuild, else only when there was a first one.</summary>
    public void SayDone(LogPosition at, long recordCount, bool always)
    {
        if (!always && !_hasSaid)
            return;
        var elapsed = time.GetElapsedTime(_began);
        LogDone(projection, schema, recordCount, at.Value, Math.Round(elapsed.TotalSeconds, 2),
            elapsed > TimeSpan.Zero ? Math.Round(recordCount / elapsed.TotalSeconds) : 0);
    }

    [LoggerMessage(Level = LogLevel.Information, Message =
        "Projection {projection} ({schema}): {percent} % replayed, {facts_per_second} facts/s, about "
        + "{seconds_left} s left.")]
    private partial void LogProgress(
        string projection, string schema, double percent, double facts_per_second, double seconds_left);

    [LoggerMessage(Level = LogLevel.Information, Message =
        "Projection {projection} ({schema}): replayed {count} facts up to {position} in {seconds} s, "
        + "{facts_per_second} facts/s.")]
    private partial void LogDone(
        string projection, string schema, long count, ulong position, double seconds, double facts_per_second);
}
