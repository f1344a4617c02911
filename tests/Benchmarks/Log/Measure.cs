using System.Globalization;

namespace Matrix.EventSourced.Benchmarks.Log;

/// <summary>Names of what is measured, in the order of the table.</summary>
internal static class Measures
{
    public const string Flush = "flush";
    public const string Durable = "append-durable";
    public const string Relaxed = "append-relaxed";
    public const string Throughput = "writers-64";
    public const string ThroughputOfBatches = "writers-64-batches-10";
    public const string DeliveryFromStart = "delivery-from-start";
    public const string DeliveryFromAcknowledgement = "delivery-from-acknowledgement";
    public const string CatchUp = "catch-up";
    public const string ReadStream = "read-stream";

    public static readonly IReadOnlyList<(string Name, string Title)> All =
    [
        (Flush, "a flush of 4 KiB, just before"),
        (Durable, "one durable append at a time"),
        (Relaxed, "one relaxed append at a time"),
        (Throughput, "64 writers to a stream each"),
        (ThroughputOfBatches, "64 writers, 10 records an append"),
        (DeliveryFromStart, "delivery, from the start of the append"),
        (DeliveryFromAcknowledgement, "delivery, from its acknowledgement"),
        (CatchUp, "catching up"),
        (ReadStream, "reading one long stream"),
    ];
}

/// <summary>One number of one engine: times of single operations, or a rate of records.</summary>
/// <remarks>Units: milliseconds; records per second. A time is negative when the record was delivered before its append was
/// acknowledged.</remarks>
internal sealed record Measure(string Name, int Count, double? MedianMs, double? P99Ms, double? RecordsPerSecond)
{
    public static Measure OfTimes(string name, List<double> times)
    {
        times.Sort();
        return new Measure(name, times.Count, times[times.Count / 2], times[Math.Min(times.Count - 1, times.Count * 99 / 100)], null);
    }

    public static Measure OfRate(string name, int records, TimeSpan took) =>
        new(name, records, null, null, records / took.TotalSeconds);

    public override string ToString() => RecordsPerSecond is { } rate
        ? string.Create(CultureInfo.InvariantCulture, $"{rate:#,0}/s")
        : string.Create(CultureInfo.InvariantCulture, $"p50 {MedianMs:0.000}, p99 {P99Ms:0.000} ms");
}
