using System.Globalization;
using System.Text.Json;
using Matrix.EventSourced.Api.Configuration;
using Matrix.EventSourced.Api.Control;

namespace Matrix.EventSourced.Api.CommandLine;

/// <summary>Asks the running server which application services lag, and prints a line for each.</summary>
internal static class AppservicesVerb
{
    public static async Task<int> RunAsync(HomeserverConfig config)
    {
        using var client = await ControlSocket.ConnectAsync(config.DataFolder);
        if (client is null)
            return Cli.Fail($"No server runs on {config.DataFolder}.", 1);
        try
        {
            return await ControlCall.RunAsync(
                client,
                AppservicesControl.Spec.Path,
                [],
                line => Console.Out.WriteLine(Line(JsonElement.Parse(line))));
        }
        catch (Exception problem) when (problem is IOException or HttpRequestException)
        {
            return Cli.Fail(problem.Message, 1);
        }
    }

    private static string Line(JsonElement service)
    {
        var line =
            $"{service.GetProperty("appservice").GetString()}  {service.GetProperty("events_waiting")} events and "
            + $"{service.GetProperty("ephemeral_waiting")} ephemeral ones wait";
        if (service.TryGetProperty("is_registered", out _))
            line += ", and it is registered no more";
        if (service.TryGetProperty("oldest_waiting_ts", out var oldest))
            line += $" since {Time(oldest)}";
        if (service.TryGetProperty("failures", out var failures))
        {
            line += $"; {failures} attempts failed since {Time(service.GetProperty("failing_since_ts"))}, "
                + $"the next is at {Time(service.GetProperty("retry_at_ts"))}: "
                + service.GetProperty("reason").GetString();
        }
        return line;
    }

    private static string Time(JsonElement ms) => DateTimeOffset.FromUnixTimeMilliseconds(ms.GetInt64())
        .ToString("yyyy-MM-dd HH:mm:ss'Z'", CultureInfo.InvariantCulture);
}
