using System.Globalization;
using Matrix.EventSourced.Api.Configuration;
using Matrix.EventSourced.Api.FederationApi;
using Matrix.EventSourced.Api.Hosting;

namespace Matrix.EventSourced.Api.CommandLine;

/// <summary>Serves the log alone, in a process of its own, until it is told to stop.</summary>
/// <remarks>The options are those of the gateway without <c>gateway-</c>; the configuration file and the environment
/// say the same as for a homeserver.</remarks>
internal static class LogVerb
{
    private const string ListenDefault = "http://127.0.0.1:2113";

    /// <summary>Options that this verb has in short: what stands after the dashes follows <c>gateway-</c>.</summary>
    private static readonly string[] Short =
        ["--listen", "--tls-certificate", "--tls-key", "--user", "--password", "--password-file"];

    public static string HelpText => $"""
        Usage: matrix log serve --data FOLDER [OPTIONS]     serve the log in FOLDER/log until Ctrl-C or SIGTERM

        Serves the embedded log over EventStoreDB's gRPC protocol, without a homeserver: nothing else may have it open.

        Options (also the keys of the section gateway in homeserver.yaml, and variables like MATRIX__GATEWAY__LISTEN):
          --data FOLDER
              The data folder. Default: data.
          --listen ADDRESS,...
              Where it listens: 127.0.0.1:2113, http://127.0.0.1:2113 or https://127.0.0.1:2113; port 0 takes a free
              one. Default: {ListenDefault}. Other than loopback addresses need a user and a password.
          --tls-certificate FILE, --tls-key FILE
              PEM files for https:// addresses. Default: a self-signed certificate made under the data folder.
          --user NAME, --password TEXT or --password-file FILE
              Whom to let in. Default: everybody.
          --config FILE, --log-level LEVEL, --log-format FORMAT
              As for the homeserver.
        """;

    public static Task<int> RunAsync(string[] arguments) => arguments is ["serve", .. var options]
        ? Cli.WithConfigAsync([.. Expand(options)], ServeAsync)
        : Task.FromResult(Cli.Fail(HelpText, 2));

    private static async Task<int> ServeAsync(HomeserverConfig config)
    {
        using var stop = new StopSignals();
        var startedAt = TimeProvider.System.GetTimestamp();
        Console.Out.WriteLine($"{ServerVersion.Name} {ServerVersion.Version} serves the log in {config.DataFolder}");
        try
        {
            await using var server = await LogServer.StartAsync(Listening(config), TimeProvider.System, stop.Token);
            Console.Out.Write(Banner(server, TimeProvider.System.GetElapsedTime(startedAt)));
            await stop.WaitAsync();
        }
        catch (OperationCanceledException) when (stop.Token.IsCancellationRequested)
        {
            // Told to stop while it started; everything opened so far is closed again.
        }
        Console.Out.WriteLine("Stopped.");
        return 0;
    }

    private static HomeserverConfig Listening(HomeserverConfig config)
    {
        if (config.Gateway.IsOn || !ConfigValues.TryParseListen(ListenDefault, out var address))
            return config;
        var listener = config.Gateway.Listener with { Listen = [address] };
        return config with { Gateway = config.Gateway with { Listener = listener } };
    }

    private static string Banner(LogServer server, TimeSpan took)
    {
        var first = new Uri(server.Addresses[0]);
        var tls = first.Scheme == Uri.UriSchemeHttps ? "true" : "false";
        return $"""
            Ready in {took.TotalSeconds.ToString("0.0", CultureInfo.InvariantCulture)} s.
              log over gRPC   {string.Join(", ", server.Addresses)}
              connect with    esdb://{first.Authority}?tls={tls}
              stop with Ctrl-C

            """;
    }

    private static IEnumerable<string> Expand(string[] options)
    {
        var isAddress = false;
        foreach (var option in options)
        {
            var flag = option.Split('=', 2)[0];
            if (Short.Contains(flag))
            {
                var value = option[flag.Length..];
                isAddress = flag == "--listen" && value.Length == 0;
                if (flag == "--listen" && value.Length > 0)
                    value = "=" + WithScheme(value[1..]);
                yield return $"--gateway-{flag[2..]}{value}";
                continue;
            }
            yield return isAddress ? WithScheme(option) : option;
            isAddress = false;
        }
    }

    /// <summary>An address without a scheme is one without TLS.</summary>
    private static string WithScheme(string addresses) => string.Join(',', addresses
        .Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
        .Select(address => address.Contains("://", StringComparison.Ordinal) ? address : $"http://{address}"));
}
