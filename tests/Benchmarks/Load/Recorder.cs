using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;

namespace Matrix.EventSourced.Benchmarks.Load;

/// <summary>Collects the latencies of one workload from all its clients.</summary>
internal sealed class Recorder(int capacity)
{
    /// <summary>LIMIT: failed requests after which a workload ends: a server that refuses quickly would be asked
    /// without end.</summary>
    private const int ErrorsMax = 1000;

    private readonly long[] _ticks = new long[capacity];
    private readonly ConcurrentDictionary<int, int> _statusToCount = new();
    private int _count;
    private int _errors;

    public int Errors => _errors;

    public int Count => Math.Min(_count, capacity);

    /// <summary>Whether the workload has done enough, or failed enough.</summary>
    public bool IsFull => Volatile.Read(ref _count) >= capacity || Volatile.Read(ref _errors) >= ErrorsMax;

    public string ErrorText => string.Join(
        ", ",
        _statusToCount.OrderBy(pair => pair.Key).Select(
            pair => string.Create(CultureInfo.InvariantCulture, $"{pair.Value} × {pair.Key}")));

    public void Add(long startedAt, HttpAnswer answer)
    {
        if (answer.IsSuccess)
            Add(Stopwatch.GetTimestamp() - startedAt);
        else
            Fail(answer.Status);
    }

    public void Add(long ticks)
    {
        var index = Interlocked.Increment(ref _count) - 1;
        if (index < capacity)
            _ticks[index] = ticks;
    }

    /// <summary>Counts a request that was not answered with success; 0 stands for one that was not answered at
    /// all.</summary>
    public void Fail(int status)
    {
        Interlocked.Increment(ref _errors);
        _statusToCount.AddOrUpdate(status, 1, static (_, count) => count + 1);
    }

    /// <summary>Milliseconds below which each of the fractions lies.</summary>
    public double[] Percentiles(params ReadOnlySpan<double> fractions)
    {
        var sorted = _ticks.AsSpan(0, Count).ToArray();
        Array.Sort(sorted);
        var result = new double[fractions.Length];
        for (var i = 0; i < fractions.Length; i++)
        {
            var index = (int)Math.Min(sorted.Length - 1, Math.Floor(sorted.Length * fractions[i]));
            result[i] = sorted.Length == 0 ? 0 : sorted[index] * 1000.0 / Stopwatch.Frequency;
        }
        return result;
    }
}
