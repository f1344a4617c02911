using System.Globalization;
using Matrix.EventSourced.EventStore.EventStoreDb;

namespace Matrix.EventSourced.Benchmarks.Log;

/// <summary>What the command line asks for.</summary>
internal sealed record LogOptions
{
    public const string Help = """
        Measures the engines of the log through the port, side by side, and prints one table.

          --engines A,B    of InMemory, Embedded, EventStoreDb       (all three)
                           EventStoreDb: the gRPC engine over `log serve`, the embedded log in a process of its own
          --url esdb://…   a node that runs already, as one more engine; the streams of the run stay there
          --records N      records of the log that is caught up with; a quarter of them is one stream  (200000)
          --seconds N      measured time of each kind of append                                        (5)
          --binary FILE    the program that serves the log   (artifacts/homeserver, else src/Api/bin/Release)
          --folder DIR     where the logs are made and removed again; the disk counts   (the temporary folder)
          --json FILE      writes the numbers there
          --help           says this

        Records hold 1.3 KB. Appends that 64 writers make end after 1,000,000 records, whatever the time.
        """;

    public static readonly IReadOnlyList<string> AllEngines = ["InMemory", "Embedded", "EventStoreDb"];

    public IReadOnlyList<string> Engines { get; private init; } = AllEngines;
    public ConnectionSettings? Node { get; private init; }
    public int Records { get; private init; } = 200_000;
    public TimeSpan Measured { get; private init; } = TimeSpan.FromSeconds(5);
    public string? Binary { get; private init; }
    public string Folder { get; private init; } = Path.GetTempPath();
    public string? JsonFile { get; private init; }
    public bool AsksForHelp { get; private init; }

    /// <summary>Throws <see cref="FormatException"/> that says what is wrong.</summary>
    public static LogOptions Parse(IReadOnlyList<string> arguments)
    {
        var options = new LogOptions();
        for (var i = 0; i < arguments.Count; i++)
        {
            var name = arguments[i];
            options = name is "--help" or "-h"
                ? options with { AsksForHelp = true }
                : options.With(name, ++i < arguments.Count ? arguments[i] : throw new FormatException($"{name} needs a value."));
        }
        return options;
    }

    private LogOptions With(string name, string value) => name switch
    {
        "--engines" => this with { Engines = [.. value.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(ParseEngine)] },
        "--url" => this with { Node = ConnectionString.Parse(value) },
        "--records" => this with { Records = ParseInteger(name, value, 1_000, 5_000_000) },
        "--seconds" => this with { Measured = TimeSpan.FromSeconds(ParseInteger(name, value, 1, 600)) },
        "--binary" => this with { Binary = value },
        "--folder" => this with { Folder = value },
        "--json" => this with { JsonFile = value },
        _ => throw new FormatException($"Unknown option {name}."),
    };

    private static string ParseEngine(string name) =>
        AllEngines.FirstOrDefault(engine => engine.Equals(name, StringComparison.OrdinalIgnoreCase))
        ?? throw new FormatException($"There is no engine {name}, only {string.Join(", ", AllEngines)}.");

    private static int ParseInteger(string name, string value, int min, int max) =>
        int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= min && number <= max
            ? number
            : throw new FormatException($"{name} needs a whole number from {min} to {max}, not '{value}'.");
}
