using System.Globalization;
using System.Net.Http.Headers;
using System.Text.Json;
using Matrix.EventSourced.Api.Admin;
using Matrix.EventSourced.Api.Configuration;

namespace Matrix.EventSourced.Api.CommandLine;

/// <summary>Asks the running server which other servers lag, and prints a line for each.</summary>
internal static class DestinationsVerb
{
    public static Task<int> RunAsync(string[] arguments) =>
        arguments is [var token, .. var options] && !token.StartsWith('-')
            ? Cli.WithConfigAsync(options, config => RunAsync(config, token))
            : Task.FromResult(Cli.Fail("Usage: destinations TOKEN [OPTIONS]", 2));

    private static async Task<int> RunAsync(HomeserverConfig config, string token)
    {
        using var client = LocalClient.Create(config);
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        try
        {
            using var response = await client.GetAsync(new Uri(Destinations.Path, UriKind.Relative));
            var answer = JsonElement.Parse(await response.Content.ReadAsByteArrayAsync());
            if (!response.IsSuccessStatusCode)
                return Cli.Fail($"Refused: {answer.GetProperty("error").GetString()}", 1);
            foreach (var destination in answer.GetProperty("destinations").EnumerateArray())
                Console.Out.WriteLine(Line(destination));
            return 0;
        }
        catch (HttpRequestException exception)
        {
            return Cli.Fail($"{client.BaseAddress} does not answer: {exception.Message}", 1);
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
