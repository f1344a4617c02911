using System.Text.Json;

namespace Matrix.EventSourced.Benchmarks.Log;

/// <summary>The table, and the same as JSON.</summary>
internal sealed class Report(LogOptions options)
{
    private static readonly JsonSerializerOptions Json = new()
    {
        WriteIndented = true,
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
    };

    private readonly List<(string Engine, IReadOnlyList<Measure> Measures)> _engines = [];

    public void Add(string engine, IReadOnlyList<Measure> measures) => _engines.Add((engine, measures));

    public void Print()
    {
        Console.WriteLine(
            $"{options.Records} records of {Workload.RecordBytes} bytes in the log at the start, {options.Measured.TotalSeconds:0} s of each "
            + $"append, {Environment.ProcessorCount} cores, load {LoadAverage()}\n");
        Console.WriteLine($"| what | {string.Join(" | ", _engines.Select(engine => engine.Engine))} |");
        Console.WriteLine($"|---|{string.Concat(Enumerable.Repeat("---|", _engines.Count))}");
        foreach (var (name, title) in Measures.All)
        {
            var cells = _engines.Select(engine => engine.Measures.First(measure => measure.Name == name).ToString());
            Console.WriteLine($"| {title} | {string.Join(" | ", cells)} |");
        }
    }

    public async Task WriteAsync(string path, CancellationToken cancellationToken)
    {
        await using var file = File.Create(path);
        await JsonSerializer.SerializeAsync(
            file,
            new
            {
                Records = options.Records,
                RecordBytes = Workload.RecordBytes,
                Seconds = options.Measured.TotalSeconds,
                Cores = Environment.ProcessorCount,
                Load = LoadAverage(),
                Engines = _engines.ToDictionary(engine => engine.Engine, engine => engine.Measures),
            },
            Json,
            cancellationToken);
    }

    /// <summary>Over the last minute: what else the machine did is part of the numbers.</summary>
    private static string LoadAverage() =>
        File.Exists("/proc/loadavg") ? File.ReadAllText("/proc/loadavg").Split(' ')[0] : "unknown";
}
