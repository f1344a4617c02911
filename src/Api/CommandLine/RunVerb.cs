using System.Globalization;
using Matrix.EventSourced.Api.Configuration;
using Matrix.EventSourced.Api.FederationApi;
using Matrix.EventSourced.Api.Hosting;

namespace Matrix.EventSourced.Api.CommandLine;

/// <summary>Serves until it is told to stop.</summary>
internal static class RunVerb
{
    public static async Task<int> RunAsync(HomeserverConfig config)
    {
        using var stop = new StopSignals();

        var startedAt = TimeProvider.System.GetTimestamp();
        Console.Out.WriteLine(
            $"{ServerVersion.Name} {ServerVersion.Version} starts as {config.ServerName} in {config.DataFolder}");
        try
        {
            var parts = new HomeserverParts { Progress = text => Console.Out.WriteLine($"  … {text}") };
            await using var homeserver = await Homeserver.StartAsync(config, parts, stop.Token);
            Console.Out.Write(Banner(config, homeserver, TimeProvider.System.GetElapsedTime(startedAt)));
            await homeserver.RunAsync(stop.Token);
        }
        catch (OperationCanceledException) when (stop.Token.IsCancellationRequested)
        {
            // Told to stop while it started; everything opened so far is closed again.
        }
        Console.Out.WriteLine("Stopped.");
        return 0;
    }

    private static string Banner(HomeserverConfig config, Homeserver homeserver, TimeSpan took)
    {
        var url = homeserver.ClientAddresses[0];
        var federation = homeserver.FederationAddresses is [var first, ..] ? first : "off";
        var gateway = homeserver.GatewayAddresses.Count == 0
            ? string.Empty
            : $"\n  log over gRPC   {string.Join(", ", homeserver.GatewayAddresses)}";
        return $"""
            Ready in {took.TotalSeconds.ToString("0.0", CultureInfo.InvariantCulture)} s.
              client API      {string.Join(", ", homeserver.ClientAddresses)}
              federation API  {federation}{gateway}
              data            {config.DataFolder}
              first user      {FirstUser(config, url)}
              stop with Ctrl-C

            """;
    }

    private static string FirstUser(HomeserverConfig config, string url) => config.Registration switch
    {
        { SharedSecret: not null } => $"./dev register alice --admin --data {config.DataFolder}",
        { Mode: RegistrationMode.Open } =>
            $$$"""curl -d '{"username":"alice","password":"…","auth":{"type":"m.login.dummy"}}' {{{url}}}/_matrix/client/v3/register""",
        { Mode: RegistrationMode.Token } => "with any client, and a token of registration.tokens",
        _ => "set registration.shared_secret (or registration.mode) in homeserver.yaml and start again",
    };
}
