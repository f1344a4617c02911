using System.Globalization;
using System.Text;
using System.Text.Json;
using Matrix.EventSourced.Kit.Hosting;
using Xunit.Abstractions;

namespace Matrix.EventSourced.Api.Tests.Hostile;

/// <summary>TEST_SEED replays another storm, TEST_RUNS says how many requests it has.</summary>
public sealed class Generated_bad_requests(HostileServer world, ITestOutputHelper output) : IClassFixture<HostileServer>
{
    private const int RequestsUsual = 10_000;
    private const int ProblemsShown = 25;
    private const int RequestsPerLair = 250;

    [Fact]
    public async Task are_answered_with_matrix_errors_and_harm_nothing()
    {
        var seed = Setting("TEST_SEED", 1);
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"Seed {seed}; TEST_SEED replays another one."));
        var before = await world.WhatMalloryCannotChangeAsync();
        var problems = await StormAsync(new HostileRequests(world, new Random(seed)), Setting("TEST_RUNS", RequestsUsual));

        Assert.True(problems.Count == 0, $"Seed {seed}:\n{string.Join("\n\n", problems.Take(ProblemsShown))}");
        await AssertUnharmedAsync(before);
        await world.Server.RestartWithoutDatabaseAsync();
        await AssertUnharmedAsync(before);
    }

    private async Task<List<string>> StormAsync(HostileRequests requests, int count)
    {
        var problems = new List<string>();
        var answers = new SortedDictionary<string, int>(StringComparer.Ordinal);
        await using var client = new RawClient(world.Server.Address);
        for (var i = 0; i < count; i++)
        {
            if (i % RequestsPerLair == 0)
            {
                await world.RenewLairAsync();
                await world.Mallory.PostAsync($"join/{Uri.EscapeDataString(world.Commons)}");
            }
            var request = requests.Next();
            var reply = await client.SendAsync(request);
            var (answer, problem) = Judge(request, reply);
            answers[answer] = answers.GetValueOrDefault(answer) + 1;
            if (problem is not null)
                problems.Add($"#{i} {problem}\n  {request}\n  {reply.Status} {Shown(reply)}");
            // Mallory may end her own sessions; whoever is logged out tests nothing but the token's check.
            if (reply.Status == 200 && MayEndASession(request))
                await world.LoginMalloryAsync();
        }
        foreach (var (answer, times) in answers)
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{times,6} {answer}"));
        return problems;
    }

    private static bool IsForPeople(RawRequest request) =>
        request.Target.StartsWith("/_matrix/oauth2/", StringComparison.Ordinal)
        || request.Target.Contains("/login/sso/redirect", StringComparison.Ordinal);

    private static bool MayEndASession(RawRequest request) =>
        request.Target.Contains("/log", StringComparison.Ordinal)
        || request.Target.Contains("device", StringComparison.Ordinal)
        || request.Target.Contains("/account/", StringComparison.Ordinal);

    /// <summary>What Kestrel itself calls no HTTP request never reaches us: U+0000 in the path, an endless target.</summary>
    private static bool IsRefusedBelow(RawRequest request, Reply reply) => reply.Utf8.Length == 0
        && ((reply.Status == 400 && request.Target.Split('?')[0].Contains("%00", StringComparison.Ordinal))
            || (reply.Status == 414 && request.Target.Length > 65_000));

    private static (string Answer, string? Problem) Judge(RawRequest request, Reply reply)
    {
        if (reply.Status is >= 200 and < 300)
            return (reply.Status.ToString(CultureInfo.InvariantCulture), null);
        // That another server cannot be reached is neither's fault; nearly any text is the name of one in a path of media.
        if (reply.Status == 502
            && (request.Target.Contains("/media/", StringComparison.Ordinal)
                || request.Target.Contains("elsewhere.test", StringComparison.Ordinal)
                || request.Body?.AsSpan().IndexOf("elsewhere.test"u8) >= 0))
            return ("502 another server", null);
        if (reply.Status >= 500)
            return (reply.Text, "A bad request is the client's fault, never the server's.");
        if (IsRefusedBelow(request, reply))
            return ($"{reply.Status} refused below the pipeline", null);
        if (request.Method == "HEAD")
            return ($"{reply.Status} HEAD", null);
        if (IsForPeople(request) && (reply.Status == 303 || reply.Text.StartsWith("<!doctype html>", StringComparison.Ordinal)))
            return ($"{reply.Status} page", null);
        try
        {
            var body = reply.Json;
            // The one error answer without an errcode: the stages of user-interactive authentication.
            if (reply.Status == 401 && body.TryGetProperty("flows", out _))
                return ("401 flows", null);
            // What OAuth says has OAuth's words.
            if (IsForPeople(request) && body.TryGetProperty("error", out var word) && !body.TryGetProperty("errcode", out _))
                return ($"{reply.Status} {word.GetString()}", null);
            var code = body.GetProperty("errcode").GetString()!;
            return ($"{reply.Status} {code}", code.StartsWith("M_", StringComparison.Ordinal) ? null : "Whose errcode?");
        }
        catch (Exception exception) when (exception is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            return ("?", "An error answer is JSON with an errcode.");
        }
    }

    private async Task AssertUnharmedAsync(string before)
    {
        var health = await world.Server.SendAsync("GET", "/health");
        Assert.True(health.Status == 200, health.Text);
        Assert.Equal(before, await world.WhatMalloryCannotChangeAsync());

        var since = (await world.Bob.SyncAsync()).Text("next_batch");
        var sent = await world.Alice.SendTextAsync(world.Commons, "Still here");
        var state = (await world.Alice.GetAsync($"rooms/{Uri.EscapeDataString(world.Commons)}/messages?dir=b&limit=1")).Ok();
        Assert.Equal(sent, state.GetProperty("chunk")[0].Text("event_id"));
        (await world.Mallory.GetAsync("sync?full_state=true")).Ok();
        var member = await world.Server.RegisterAsync("carol" + since);
        await member.JoinAsync(world.Commons);
        var timeline = (await member.SyncAsync()).GetProperty("rooms").GetProperty("join").GetProperty(world.Commons)
            .GetProperty("timeline").GetProperty("events");
        Assert.Contains(timeline.EnumerateArray(), entry => entry.Text("event_id") == sent);
    }

    private static string Shown(Reply reply) =>
        Encoding.UTF8.GetString(reply.Utf8.AsSpan(0, Math.Min(reply.Utf8.Length, 400)));

    private static int Setting(string name, int usual) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), CultureInfo.InvariantCulture, out var value) ? value : usual;
}
