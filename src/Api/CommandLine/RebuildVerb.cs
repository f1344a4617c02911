using Matrix.EventSourced.Api.Configuration;
using Matrix.EventSourced.Api.Control;
using Matrix.EventSourced.Api.Hosting;

namespace Matrix.EventSourced.Api.CommandLine;

/// <summary>Makes projections again from the log, in a running server (beside the tables that serve) or a stopped
/// one.</summary>
internal static class RebuildVerb
{
    public static Task<int> RunAsync(string[] arguments) => arguments is [var name, ..] && !name.StartsWith('-')
        ? Cli.WithConfigAsync(arguments[1..], config => RebuildAsync(config, name))
        : Task.FromResult(Cli.Fail("Usage: rebuild PROJECTION|all [OPTIONS]", 2));

    private static async Task<int> RebuildAsync(HomeserverConfig config, string name)
    {
        using var client = await ControlSocket.ConnectAsync(config.DataFolder);
        if (client is not null)
            return await RunOnAsync(client, name);
        var parts = new HomeserverParts { Progress = Console.Out.WriteLine };
        await Homeserver.RebuildAsync(config, name, parts, CancellationToken.None);
        Console.Out.WriteLine("Done.");
        return 0;
    }

    private static async Task<int> RunOnAsync(HttpClient client, string name)
    {
        try
        {
            return await ControlCall.RunAsync(client, RebuildControl.Spec.Path, [name], Console.Out.WriteLine);
        }
        catch (Exception problem) when (problem is IOException or HttpRequestException)
        {
            return Cli.Fail(problem.Message, 1);
        }
    }
}
