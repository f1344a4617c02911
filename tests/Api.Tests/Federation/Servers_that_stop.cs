using System.Text;
using System.Text.Json;
using Matrix.EventSourced.Kit.Hosting;
using Matrix.EventSourced.Projections.Audit;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.EventSourced.Api.Tests.Federation;

/// <summary>Servers that share rooms are stopped, lose their tables, and come back.</summary>
public sealed class Servers_that_stop : TwoServers
{
    [Fact]
    public async Task server_that_was_away_gets_everything()
    {
        var room = await MeetAsync();
        await Second.StopAsync();
        var sent = new List<string>();
        for (var number = 0; number < 60; number++)
            sent.Add(await Alice.SendTextAsync(room, $"while you were away {number}"));
        await Alice.SetStateAsync(room, "m.room.topic", string.Empty, """{"topic":"news"}""");
        await Second.StartAgainAsync();
        // What comes from the other side says that it is back.
        var fromBob = await Bob.SendTextAsync(room, "back again");
        await Alice.SeesAsync(room, fromBob);
        var last = await Alice.SendTextAsync(room, "welcome");
        await Bob.SeesAsync(room, last);

        var shown = await HistoryAsync(Bob, room);
        Assert.All(sent, eventId => Assert.Contains(eventId, shown));
        Assert.Equal(await Alice.StateAsync(room), await Bob.StateAsync(room));
    }

    [Fact]
    public async Task replay_of_forks_joins_and_history_comes_to_the_same_tables_and_states()
    {
        var room = await MeetAsync();
        await HistoryAsync(Bob, room);
        await Task.WhenAll(Enumerable.Range(0, 8).SelectMany(number => new Task[]
        {
            Alice.SetStateAsync(room, "org.example.a", $"{number}", "{}"),
            Bob.SendTextAsync(room, $"b{number}"),
            Alice.SendTextAsync(room, $"a{number}"),
        }));
        var last = await Alice.SendTextAsync(room, "after all");
        await Bob.SeesAsync(room, last);
        var (state, history) = (await Bob.StateAsync(room), await HistoryAsync(Bob, room));
        var findings = await VerifyAsync(Second);
        await Second.RestartWithoutDatabaseAsync();

        Assert.Empty(findings);
        Assert.Equal(state, await Bob.StateAsync(room));
        Assert.Equal(history, await HistoryAsync(Bob, room));
        Assert.Empty(await VerifyAsync(Second));
        var onwards = await Bob.SendTextAsync(room, "onwards");
        await Alice.SeesAsync(room, onwards);
    }

    /// <summary>A room of Alice's with some history, which Bob joins from the other server.</summary>
    private async Task<string> MeetAsync()
    {
        var room = await Alice.CreateRoomAsync();
        for (var number = 0; number < 3; number++)
            await Alice.SendTextAsync(room, $"before {number}");
        var server = Alice.UserId[(Alice.UserId.IndexOf(':', StringComparison.Ordinal) + 1)..];
        (await Bob.PostAsync($"/_matrix/client/v3/join/{Uri.EscapeDataString(room)}?via={server}")).Ok();
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
