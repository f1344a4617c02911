using System.Globalization;

namespace Matrix.EventSourced.Benchmarks.Load;

/// <summary>What the command line asks for.</summary>
internal sealed record LoadOptions
{
    public const string Help = """
        Loads a Matrix homeserver through its public client API and prints what it did.

          --url URL            the homeserver, plain HTTP            (http://127.0.0.1:8008)
          --shared-secret S    register with the shared-secret endpoint; without it by UIA with m.login.dummy
          --registration-token T   register by UIA with m.login.registration_token
          --pid N              the server's process: CPU and memory of it and of all its descendants
          --also-pid N         another process that works for it (PostgreSQL, a worker); may be repeated
          --only A,B           only these workloads
          --seconds N          measured time of a workload           (8)
          --warm-up N          seconds before that, not measured     (2)
          --count N            at most so many operations each       (100000)
          --rate N             operations a second of the open loop  (half of what the closed loop reached)
          --json FILE          writes the numbers there
          --label TEXT         says in the JSON what was measured
          --list               names the workloads
          --allow-remote       loads an address that is not this machine's own

        The server's rate limits must be off. Rooms and users that the run made stay there.
        """;

    public Uri Url { get; private init; } = new("http://127.0.0.1:8008");
    public string? SharedSecret { get; private init; }
    public string? RegistrationToken { get; private init; }
    public int? Pid { get; private init; }
    public IReadOnlyList<int> AlsoPids { get; private init; } = [];
    public IReadOnlyList<string> Only { get; private init; } = [];
    public TimeSpan Measured { get; private init; } = TimeSpan.FromSeconds(8);
    public TimeSpan WarmUp { get; private init; } = TimeSpan.FromSeconds(2);
    public int CountMax { get; private init; } = 100_000;
    public int? Rate { get; private init; }
    public string? JsonFile { get; private init; }
    public string Label { get; private init; } = "";
    public bool IsListing { get; private init; }
    public bool AllowsRemote { get; private init; }

    /// <summary>Throws <see cref="FormatException"/> that says what is wrong.</summary>
    public static LoadOptions Parse(IReadOnlyList<string> arguments)
    {
        var options = new LoadOptions();
        for (var i = 0; i < arguments.Count; i++)
        {
            var name = arguments[i];
            options = name switch
            {
                "--list" => options with { IsListing = true },
                "--allow-remote" => options with { AllowsRemote = true },
                _ =>
                    options.With(name, ++i < arguments.Count ? arguments[i] : throw NeedsValue(name)),
            };
        }
        return options;
    }

    private LoadOptions With(string name, string value) => name switch
    {
        "--url" => this with { Url = ParseUrl(value) },
        "--shared-secret" => this with { SharedSecret = value },
        "--registration-token" => this with { RegistrationToken = value },
        "--pid" => this with { Pid = ParseInteger(name, value) },
        "--also-pid" => this with { AlsoPids = [.. AlsoPids, ParseInteger(name, value)] },
        "--only" =>
            this with { Only = value.Split(',', StringSplitOptions.RemoveEmptyEntries) },
        "--seconds" => this with { Measured = TimeSpan.FromSeconds(ParseInteger(name, value)) },
        "--warm-up" => this with { WarmUp = TimeSpan.FromSeconds(ParseInteger(name, value)) },
        "--count" => this with { CountMax = Math.Clamp(ParseInteger(name, value), 1, 5_000_000) },
        "--rate" => this with { Rate = Math.Max(1, ParseInteger(name, value)) },
        "--json" => this with { JsonFile = value },
        "--label" => this with { Label = value },
        _ => throw new FormatException($"Unknown option {name}."),
    };

    private static FormatException NeedsValue(string name) => new($"{name} needs a value.");

    private static int ParseInteger(string name, string value) =>
        int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw new FormatException($"{name} needs a whole number, not '{value}'.");

    private static Uri ParseUrl(string value) =>
        Uri.TryCreate(value, UriKind.Absolute, out var url) && url.Scheme == "http"
            ? url
            : throw new FormatException($"'{value}' is not an http:// URL.");
}
