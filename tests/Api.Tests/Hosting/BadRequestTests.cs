using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Matrix.EventSourced.Kit.Hosting;

namespace Matrix.EventSourced.Api.Tests.Hosting;

/// <summary>Whatever comes in: the spec's error comes back, nothing is lost, nothing is broken.</summary>
public sealed class BadRequestTests
{
    private const int RequestCount = 10_000;
    private const int Parallel = 8;

    // These end the very session that asks, whatever stands in the request.
    private static readonly string[] Spared = ["/logout", "/logout/all"];

    [Fact]
    public async Task ten_thousand_bad_requests_get_the_error_of_the_spec_and_harm_nobody()
    {
        var seedText = Environment.GetEnvironmentVariable("MATRIX_TEST_SEED");
        var seed = seedText is null ? 20261124 : int.Parse(seedText, CultureInfo.InvariantCulture);
        await using var server = await TestHomeserver.StartAsync();
        var alice = await server.RegisterAsync("alice");
        var mallory = await server.RegisterAsync("mallory");
        var room = await alice.CreateRoomAsync("""{"preset":"private_chat"}""");
        var sent = new List<string>();
        for (var i = 0; i < 10; i++)
            sent.Add(await alice.SendTextAsync(room, $"before {i}"));
        string[] rooms = [room, await mallory.CreateRoomAsync(), await mallory.CreateRoomAsync(), "!nowhere:hs"];

        var endpoints = Composition.ClientEndpoints().Entries.Select(entry => entry.Spec)
            .Where(spec => !Spared.Any(end => spec.Path.EndsWith(end, StringComparison.Ordinal)))
            .ToList();
        var wrong = new List<string>();
        var statusToCount = new ConcurrentDictionary<int, int>();
        await Task.WhenAll(Enumerable.Range(0, Parallel).Select(async worker =>
        {
            using var client = new HttpClient { BaseAddress = server.Address };
            var generator = new BadRequestGenerator(endpoints, rooms, new Random(seed + worker));
            for (var i = 0; i < RequestCount / Parallel; i++)
            {
                var request = generator.Next();
                var problem = await ProblemAsync(client, request, mallory.Token, statusToCount);
                if (problem is not null)
                {
                    lock (wrong)
                        wrong.Add($"{problem}\n    {request.Method} {request.Target} {Body(request)}");
                }
            }
        }));
        Assert.True(wrong.Count == 0, $"Seed {seed}, {wrong.Count} wrong:\n" + string.Join('\n', wrong.Take(20)));

        // The generator reaches past the first check of most endpoints.
        foreach (var status in (int[])[200, 400, 403, 404, 405, 413])
            Assert.True(
                statusToCount.GetValueOrDefault(status) > 10, $"{status} came too seldom: {Counts(statusToCount)}");

        // The server is well, and what alice has is what she had.
        Assert.True((await server.SendAsync("GET", "/health")).Ok().GetProperty("ok").GetBoolean());
        var messages = (await alice.GetAsync($"rooms/{Uri.EscapeDataString(room)}/messages?dir=b&limit=10")).Ok();
        var found = messages.GetProperty("chunk").EnumerateArray().Select(entry => entry.Text("event_id")).Reverse();
        Assert.Equal(sent, found);
        await alice.SendTextAsync(room, "after");
    }

    private static async Task<string?> ProblemAsync(
        HttpClient client, BadRequest request, string token, ConcurrentDictionary<int, int> statusToCount)
    {
        // Nothing may tidy up the target on its way.
        var raw = new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true };
        using var message = new HttpRequestMessage(
            new HttpMethod(request.Method), new Uri(
                client.BaseAddress!.GetLeftPart(UriPartial.Authority) + request.Target, raw));
        message.Headers.Authorization = new("Bearer", token);
        if (request.Body is not null)
            message.Content = new ByteArrayContent(request.Body);
        using var response = await client.SendAsync(message);
        var status = (int)response.StatusCode;
        statusToCount.AddOrUpdate(status, 1, (_, count) => count + 1);
        var body = await response.Content.ReadAsByteArrayAsync();
        if (status >= 500)
            return $"{status}: {Encoding.UTF8.GetString(body)}";
        if (status < 400)
            return null;
        try
        {
            var json = JsonElement.Parse(body);
            var isError = json.TryGetProperty("errcode", out var code) && code.GetString() is { Length: > 2 }
                && json.TryGetProperty("error", out _);
            // Interactive authentication asks on with 401, which is no error yet.
            return isError || (status == 401 && json.TryGetProperty("flows", out _)) ? null
                : $"{status} without errcode";
        }
        catch (JsonException)
        {
            return $"{status} without JSON";
        }
    }

    private static string Counts(ConcurrentDictionary<int, int> statusToCount) =>
        string.Join(", ", statusToCount.OrderBy(pair => pair.Key).Select(pair => $"{pair.Key}: {pair.Value}"));

    private static string Body(BadRequest request) =>
        request.Body is null ? "" : Encoding.UTF8.GetString(request.Body.AsSpan(0, Math.Min(300, request.Body.Length)));
}
