using System.Diagnostics;
using System.Globalization;

namespace Matrix.EventSourced.EventStore.Tests.Embedded;

public sealed class Embedded_engine_after_a_crash : IAsyncLifetime
{
    private readonly EmbeddedEngine _engine = new();

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync() => await _engine.DisposeAsync();

    [Fact]
    public async Task everything_acknowledged_before_a_kill_in_a_burst_is_there_once()
    {
        // Twice: the second burst goes on in a log that was recovered, and the first of its records are known there.
        var acknowledged = await KillInBurstAsync(2000);
        await AssertHoldsAsync(acknowledged);
        await AssertHoldsAsync([.. acknowledged, .. await KillInBurstAsync(8000)]);
    }

    private async Task<List<Acknowledged>> KillInBurstAsync(int acknowledgedBeforeTheKill)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true };
        start.ArgumentList.Add(typeof(AppendBurst).Assembly.Location);
        start.ArgumentList.Add(AppendBurst.Command);
        start.ArgumentList.Add(_engine.Folder);
        using var process = Process.Start(start)!;
        var acknowledged = new List<Acknowledged>();
        while (await process.StandardOutput.ReadLineAsync() is { } line)
        {
            if (!TryParse(line, out var one))
                continue;
            acknowledged.Add(one);
            if (acknowledged.Count == acknowledgedBeforeTheKill)
                process.Kill();
        }
        await process.WaitForExitAsync();
        Assert.True(acknowledged.Count >= acknowledgedBeforeTheKill, "The burst ended before it was killed.");
        return acknowledged;
    }

    private async Task AssertHoldsAsync(List<Acknowledged> acknowledged)
    {
        await using var store = await _engine.OpenEmbeddedAsync();
        var all = new List<LogRecord>();
        await foreach (var record in store.ReadAllAsync(null, ReadDirection.Forwards, long.MaxValue))
            all.Add(record);
        var byPosition = all.ToDictionary(record => record.Position);
        foreach (var one in acknowledged)
        {
            var expected = AppendBurst.RecordOf(one.Writer, one.N);
            var record = byPosition[one.Position];
            Assert.Equal((expected.RecordId, one.Revision), (record.RecordId, record.Revision));
            Assert.True(record.Data.Span.SequenceEqual(expected.Data.Span));
            Assert.Equal(
                new AppendResult.Appended(one.Revision, one.Position),
                await store.AppendAsync(record.Stream, ExpectedRevision.NoStream, [expected]));
        }
        foreach (var stream in all.GroupBy(record => record.Stream))
        {
            Assert.Equal(
                Enumerable.Range(0, stream.Count()).Select(n => (long)n), stream.Select(record => record.Revision));
            Assert.Equal(stream.Count(), stream.Select(record => record.RecordId).Distinct().Count());
        }
    }

    /// <summary>The last line may be cut off by the kill.</summary>
    private static bool TryParse(string line, out Acknowledged acknowledged)
    {
        acknowledged = default;
        var parts = line.Split(' ');
        if (parts.Length != 4)
            return false;
        var numbers = Array.ConvertAll(parts, part => long.Parse(part, CultureInfo.InvariantCulture));
        acknowledged = new((int)numbers[0], (int)numbers[1], numbers[2], new LogPosition((ulong)numbers[3]));
        return true;
    }

    private readonly record struct Acknowledged(int Writer, int N, long Revision, LogPosition Position);
}
