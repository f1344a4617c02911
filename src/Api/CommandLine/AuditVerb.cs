using System.Collections.Immutable;
using System.Text;
using Matrix.EventSourced.Api.Configuration;
using Matrix.EventSourced.Api.Control;
using Matrix.EventSourced.Api.Hosting;
using Matrix.EventSourced.Projections.Audit;

namespace Matrix.EventSourced.Api.CommandLine;

/// <summary>Looks into the log: on the running server through its control socket, else by opening the data
/// folder.</summary>
internal static class AuditVerb
{
    /// <summary>Options that configure the server, not the question.</summary>
    private static readonly HashSet<string> ServerOptions =
        [.. ConfigKeys.All.Select(key => key.Flag), "--config"];

    public static Task<int> RunAsync(string[] arguments)
    {
        var (words, options) = Split(arguments);
        var isJson = words.Remove("--json");
        return AuditQuestion.Parse(words, out var problem) is null
            ? Task.FromResult(Cli.Fail(problem, 2))
            : Cli.WithConfigAsync([.. options], config => RunAsync(config, [.. words], isJson));
    }

    private static async Task<int> RunAsync(HomeserverConfig config, ImmutableArray<string> words, bool isJson)
    {
        var request = new ControlRequest(words, Environment.UserName);
        var table = new AuditTable(Console.Out, Console.Error, isJson);
        try
        {
            using var client = await ControlSocket.ConnectAsync(config.DataFolder);
            if (client is not null)
            {
                var code = await ControlCall.RunAsync(client, AuditControl.Spec.Path, words, table.Write);
                return code != 0 ? code : table.Finish();
            }
            await foreach (var line in AskStoppedAsync(config, request))
                table.Write(line);
            return table.Finish();
        }
        catch (Exception exception) when (exception is IOException or HttpRequestException)
        {
            return Cli.Fail(exception.Message, 1);
        }
    }

    private static async IAsyncEnumerable<string> AskStoppedAsync(HomeserverConfig config, ControlRequest request)
    {
        var parts = new HomeserverParts { Progress = text => Console.Error.WriteLine($"  … {text}") };
        await using var stopped = await StoppedHomeserver.OpenAsync(config, parts, CancellationToken.None);
        var question = AuditQuestion.Parse(request.Words, out _)!;
        await stopped.LookAsync(CancellationToken.None);
        var answer = await stopped.Services.GetRequiredService<Auditor>().AskAsync(
            question, request.Words, request.By, CancellationToken.None);
        await foreach (var line in answer)
            yield return Encoding.UTF8.GetString(line.Span);
    }

    /// <summary>What is asked, and what configures the server.</summary>
    internal static (List<string> Words, List<string> Options) Split(string[] arguments)
    {
        var words = new List<string>();
        var options = new List<string>();
        for (var i = 0; i < arguments.Length; i++)
        {
            var name = arguments[i].Split('=')[0];
            if (!ServerOptions.Contains(name))
                words.Add(arguments[i]);
            else
            {
                options.Add(arguments[i]);
                if (!arguments[i].Contains('=') && i + 1 < arguments.Length)
                    options.Add(arguments[++i]);
            }
        }
        return (words, options);
    }
}
