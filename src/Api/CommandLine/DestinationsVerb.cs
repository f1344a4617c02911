using System.Globalization;
using System.Text.Json;
using Matrix.EventSourced.Api.Configuration;
using Matrix.EventSourced.Api.Control;

namespace Matrix.EventSourced.Api.CommandLine;

/// <summary>Asks the running server which other servers lag, and prints a line for each.</summary>
internal static class DestinationsVerb
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
                DestinationsControl.Spec.Path,
                [],
                line => Console.Out.WriteLine(Line(JsonElement.Parse(line))));
        }
        catch (Exception problem) when (problem is IOException or HttpRequestException)
        {
            return Cli.Fail(problem.Message, 1);
        }
    }

    private static string Line(JsonElement destination)
    {
        var line =
            $"{destination.GetProperty("destination").GetString()}  "
            + $"{destination.GetProperty("pdus_waiting")} PDUs and {destination.GetProperty("edus_waiting")} EDUs wait";
        if (destination.TryGetProperty("oldest_waiting_ts", out var oldest))
            line += $" since {Time(oldest)}";
        if (destination.TryGetProperty("failures", out var failures))
        {
            line += $"; {failures} attempts failed since {Time(destination.GetProperty("failing_since_ts"))}, "
                + $"the next is at {Time(destination.GetProperty("retry_at_ts"))}: "
                + destination.GetProperty("reason").GetString();
        }
        return line;
    }

    private static string Time(JsonElement ms) => DateTimeOffset.FromUnixTimeMilliseconds(ms.GetInt64())
        .ToString("yyyy-MM-dd HH:mm:ss'Z'", CultureInfo.InvariantCulture);
}
