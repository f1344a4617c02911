using System.Diagnostics;

namespace Matrix.EventSourced.Benchmarks.Log;

/// <summary>What the disk takes to flush one page at that moment: a yardstick for durable appends beside it.</summary>
/// <remarks>No floor: it is an fsync, which also writes the file's times, and an engine may do with less.</remarks>
internal static class Disk
{
    private const int PageBytes = 4096;
    private const int Pages = 1_000;

    public static Measure Flush(string folder)
    {
        var path = Path.Combine(folder, $"matrix-bench-flush-{Guid.NewGuid():N}");
        var times = new List<double>(Pages);
        using (var file = File.OpenHandle(
            path, FileMode.CreateNew, FileAccess.Write, FileShare.None, FileOptions.DeleteOnClose, PageBytes * Pages))
        {
            var page = new byte[PageBytes];
            RandomAccess.Write(file, new byte[PageBytes * Pages], 0);
            RandomAccess.FlushToDisk(file);
            for (var number = 0; number < Pages; number++)
            {
                var start = Stopwatch.GetTimestamp();
                RandomAccess.Write(file, page, (long)number * PageBytes);
                RandomAccess.FlushToDisk(file);
                times.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            }
        }
        return Measure.OfTimes(Measures.Flush, times);
    }
}
