using System.Text;
using System.Text.Json;
using Matrix.EventSourced.Kit.Hosting;
using Matrix.EventSourced.Projections.Audit;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.EventSourced.Api.Tests.Federation;

/// <summary>Servers that share rooms are stopped, lose their tables, and come back.</summary>
public sealed class Servers_that_stop : IAsyncLifetime
{
    private TestHomeserver _first = null!;
    private TestHomeserver _second = null!;
    private TestUser _alice = null!;
    private TestUser _bob = null!;

    public async Task InitializeAsync()
    {
        _first = await FederatingServers.StartAsync();
        _second = await FederatingServers.StartAsync();
        _alice = await _first.RegisterAsync("alice");
        _bob = await _second.RegisterAsync("bob");
    }

    public async Task DisposeAsync()
    {
        await _first.DisposeAsync();
        await _second.DisposeAsync();
    }

    [Fact]
    public async Task server_that_was_away_gets_everything()
    {
        var room = await MeetAsync();
        await _second.StopAsync();
        var sent = new List<string>();
        for (var number = 0; number < 60; number++)
            sent.Add(await _alice.SendTextAsync(room, $"while you were away {number}"));
        await _alice.SetStateAsync(room, "m.room.topic", string.Empty, """{"topic":"news"}""");
        await _second.StartAgainAsync();
        // What comes from the other side says that it is back.
        var fromBob = await _bob.SendTextAsync(room, "back again");
        await _alice.SeesAsync(room, fromBob);
        var last = await _alice.SendTextAsync(room, "welcome");
        await _bob.SeesAsync(room, last);

        var shown = await HistoryAsync(_bob, room);
        Assert.All(sent, eventId => Assert.Contains(eventId, shown));
        Assert.Equal(await _alice.StateAsync(room), await _bob.StateAsync(room));
    }

    [Fact]
    public async Task replay_of_forks_joins_and_history_comes_to_the_same_tables_and_states()
    {
        var room = await MeetAsync();
        await HistoryAsync(_bob, room);
        await Task.WhenAll(Enumerable.Range(0, 8).SelectMany(number => new Task[]
        {
            _alice.SetStateAsync(room, "org.example.a", $"{number}", "{}"),
            _bob.SendTextAsync(room, $"b{number}"),
            _alice.SendTextAsync(room, $"a{number}"),
        }));
        var last = await _alice.SendTextAsync(room, "after all");
        await _bob.SeesAsync(room, last);
        var (state, history) = (await _bob.StateAsync(room), await HistoryAsync(_bob, room));
        var findings = await VerifyAsync(_second);
        await _second.RestartWithoutDatabaseAsync();

        Assert.Empty(findings);
        Assert.Equal(state, await _bob.StateAsync(room));
        Assert.Equal(history, await HistoryAsync(_bob, room));
        Assert.Empty(await VerifyAsync(_second));
        var onwards = await _bob.SendTextAsync(room, "onwards");
        await _alice.SeesAsync(room, onwards);
    }

    /// <summary>A room of Alice's with some history, which Bob joins from the other server.</summary>
    private async Task<string> MeetAsync()
    {
        var room = await _alice.CreateRoomAsync();
        for (var number = 0; number < 3; number++)
            await _alice.SendTextAsync(room, $"before {number}");
        var server = _alice.UserId[(_alice.UserId.IndexOf(':', StringComparison.Ordinal) + 1)..];
        (await _bob.PostAsync($"/_matrix/client/v3/join/{Uri.EscapeDataString(room)}?via={server}")).Ok();
        return room;
    }

    private static async Task<List<string>> HistoryAsync(TestUser user, string room)
    {
        var shown = new List<string>();
        string? from = null;
        do
        {
            var page = (await user.GetAsync(
                $"/_matrix/client/v3/rooms/{Uri.EscapeDataString(room)}/messages?dir=b&limit=100"
                + (from is null ? string.Empty : $"&from={from}"))).Ok();
            shown.AddRange(page.GetProperty("chunk").EnumerateArray().Select(entry => entry.Text("event_id")));
            from = page.TryGetProperty("end", out var end) ? end.GetString() : null;
        }
        while (from is not null);
        return shown;
    }

    private static async Task<List<string>> VerifyAsync(TestHomeserver server)
    {
        var findings = new List<string>();
        await foreach (var line in server.Services.GetRequiredService<AuditVerifier>().RunAsync(isLogOnly: false))
        {
            var text = Encoding.UTF8.GetString(line.Span);
            var json = JsonElement.Parse(line.Span);
            if (!json.TryGetProperty("progress", out _) && !(json.TryGetProperty("ok", out var ok) && ok.GetBoolean()))
                findings.Add(text);
        }
        return findings;
    }
}
