using System.Collections.Immutable;
using Matrix.EventSourced.Api.Configuration;
using Matrix.EventSourced.Api.Control;

namespace Matrix.EventSourced.Api.CommandLine;

/// <summary>Shows media of the running server, and takes it down.</summary>
internal static class MediaVerb
{
    public static Task<int> RunAsync(string[] arguments)
    {
        var (words, options) = AuditVerb.Split(arguments);
        return words.Count == 0
            ? Task.FromResult(Cli.Fail(MediaControl.Usage, 2))
            : Cli.WithConfigAsync([.. options], config => RunAsync(config, [.. words]));
    }

    private static async Task<int> RunAsync(HomeserverConfig config, ImmutableArray<string> words)
    {
        using var client = await ControlSocket.ConnectAsync(config.DataFolder);
        if (client is null)
            return Cli.Fail($"No server runs on {config.DataFolder}.", 1);
        try
        {
            return await ControlCall.RunAsync(client, MediaControl.Spec.Path, words, Console.Out.WriteLine);
        }
        catch (Exception problem) when (problem is IOException or HttpRequestException)
        {
            return Cli.Fail(problem.Message, 1);
        }
    }
}
