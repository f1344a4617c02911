using Matrix.EventSourced.Api.Configuration;
using Matrix.EventSourced.Api.Hosting;

namespace Matrix.EventSourced.Api.CommandLine;

/// <summary>Makes projections again from the log, while the server is stopped.</summary>
internal static class RebuildVerb
{
    public static Task<int> RunAsync(string[] arguments) => arguments is [var name, ..] && !name.StartsWith('-')
        ? Cli.WithConfigAsync(arguments[1..], config => RebuildAsync(config, name))
        : Task.FromResult(Cli.Fail("Usage: rebuild PROJECTION|all [OPTIONS]", 2));

    private static async Task<int> RebuildAsync(HomeserverConfig config, string name)
    {
        var parts = new HomeserverParts { Progress = Console.Out.WriteLine };
        await Homeserver.RebuildAsync(config, name, parts, CancellationToken.None);
        Console.Out.WriteLine("Done.");
        return 0;
    }
}
