using System.Diagnostics;

namespace Matrix.EventSourced.Benchmarks.Load;

/// <summary>What one workload measured. Units: milliseconds; CPU per operation.</summary>
internal sealed record LoadRow(
    string Operation,
    int Count,
    int Errors,
    string ErrorText,
    double RatePerSecond,
    double P50,
    double P95,
    double P99,
    double Max,
    double ServerCpu,
    double OthersCpu,
    double DriverCpu);

/// <summary>Runs loops of requests, closed and open, and measures them.</summary>
internal sealed class Runner(LoadOptions options, ProcessWatch watch)
{
    public LoadOptions Options => options;

    /// <summary>Closed loop: each client sends its next request when the last was answered.</summary>
    /// <param name="operation">The row's name.</param>
    /// <param name="clients">So many at the same time.</param>
    /// <param name="request">The request of a client.</param>
    public async Task<LoadRow> ClosedAsync(string operation, int clients, Func<int, ValueTask<HttpAnswer>> request)
    {
        await LoopAsync(new Recorder(options.CountMax), options.WarmUp);
        return await MeasureAsync(operation, options.CountMax, recorder => LoopAsync(recorder, options.Measured));

        Task LoopAsync(Recorder recorder, TimeSpan time) => ForEachAsync(clients, async client =>
        {
            var begun = Stopwatch.GetTimestamp();
            while (!recorder.IsFull && Stopwatch.GetElapsedTime(begun) < time)
            {
                var startedAt = Stopwatch.GetTimestamp();
                recorder.Add(startedAt, await request(client));
            }
        });
    }

    /// <summary>Open loop: requests are due at a fixed rate, whatever the server does; one that has to wait for its
    /// turn has waited.</summary>
    public async Task<LoadRow> OpenAsync(
        string operation, int clients, int ratePerSecond, Func<int, ValueTask<HttpAnswer>> request)
    {
        var interval = (long)((double)Stopwatch.Frequency * clients / ratePerSecond);
        return await MeasureAsync(operation, options.CountMax, recorder => ForEachAsync(clients, async client =>
        {
            var begun = Stopwatch.GetTimestamp();
            var due = begun + (interval * client / clients);
            while (!recorder.IsFull && Stopwatch.GetElapsedTime(begun) < options.Measured)
            {
                var early = due - Stopwatch.GetTimestamp();
                if (early > 0)
                    await Task.Delay(TimeSpan.FromSeconds((double)early / Stopwatch.Frequency));
                // The timer's own lateness is not the server's; the time spent behind an earlier request is.
                recorder.Add(early > 0 ? Stopwatch.GetTimestamp() : due, await request(client));
                due += interval;
            }
        }));
    }

    /// <summary>Each of a fixed number of operations once, one after the other.</summary>
    public Task<LoadRow> SequenceAsync(string operation, int count, Func<int, ValueTask<HttpAnswer>> request) =>
        MeasureAsync(operation, count, async recorder =>
        {
            for (var n = 0; n < count; n++)
            {
                var startedAt = Stopwatch.GetTimestamp();
                recorder.Add(startedAt, await request(n));
            }
        });

    public async Task<LoadRow> MeasureAsync(string operation, int capacity, Func<Recorder, Task> run)
    {
        var recorder = new Recorder(capacity);
        var before = watch.Sample(withMemory: false);
        var begun = Stopwatch.GetTimestamp();
        await run(recorder);
        var seconds = Stopwatch.GetElapsedTime(begun).TotalSeconds;
        var after = watch.Sample(withMemory: false);
        var times = recorder.Percentiles(0.5, 0.95, 0.99, 1);
        var count = Math.Max(1, recorder.Count);
        return new LoadRow(
            operation,
            recorder.Count,
            recorder.Errors,
            recorder.ErrorText,
            recorder.Count / seconds,
            times[0],
            times[1],
            times[2],
            times[3],
            (after.ServerCpuMs - before.ServerCpuMs) / count,
            (after.OthersCpuMs - before.OthersCpuMs) / count,
            (after.DriverCpuMs - before.DriverCpuMs) / count);
    }

    private static Task ForEachAsync(int clients, Func<int, Task> run) =>
        Task.WhenAll(Enumerable.Range(0, clients).Select(client => Task.Run(() => run(client))));
}
