using System.Text.RegularExpressions;
using Matrix.EventSourced.Kit.Hosting;

namespace Matrix.EventSourced.Api.Tests.Sync;

/// <summary>The log is the truth: without its database a server gives the same answers, byte for byte but for the age
/// of events. Presence is off: it changes with the clock.</summary>
public sealed partial class Answers_after_a_replay
{
    [Fact]
    public async Task are_the_same_bytes()
    {
        await using var server = await TestHomeserver.StartAsync(
            new TestHomeserverOptions { Configure = config => config with { PresenceEnabled = false } });
        var (ada, bob) = (await server.RegisterAsync("ada"), await server.RegisterAsync("bob"));
        var created = await ada.PostAsync("createRoom", $$"""{"preset":"public_chat","name":"one","invite":["{{bob.UserId}}"]}""");
        var room = Uri.EscapeDataString(created.Ok().GetProperty("room_id").GetString()!);
        var token = (await bob.GetAsync("sync")).Ok().GetProperty("next_batch").GetString()!;
        (await bob.PostAsync($"join/{room}", "{}")).Ok();
        var redacted = string.Empty;
        for (var message = 0; message < 12; message++)
        {
            var sent = await ada.PutAsync($"rooms/{room}/send/m.room.message/t{message}", """{"msgtype":"m.text","body":"hi"}""");
            redacted = Uri.EscapeDataString(sent.Ok().GetProperty("event_id").GetString()!);
        }
        (await ada.PutAsync($"rooms/{room}/redact/{redacted}/r", "{}")).Ok();
        (await ada.PutAsync($"rooms/{room}/state/m.room.name", """{"name":"two"}""")).Ok();
        (await ada.PutAsync($"user/{ada.UserId}/account_data/m.test", """{"a":1}""")).Ok();

        string[] paths =
        [
            "sync", $"sync?since={token}", $"sync?since={token}&use_state_after=true", $"sync?since={token}&full_state=true",
            """sync?filter={"room":{"timeline":{"limit":3},"state":{"lazy_load_members":true}}}""",
            $"rooms/{room}/messages?dir=b&limit=100", $"rooms/{room}/messages?dir=f&limit=7", $"rooms/{room}/state",
            $"rooms/{room}/members", $"rooms/{room}/joined_members", $"rooms/{room}/event/{redacted}",
            $"rooms/{room}/context/{redacted}", "joined_rooms",
        ];
        var before = await ReadAsync(paths, ada, bob);
        await server.RestartWithoutDatabaseAsync();
        Assert.Equal(before, await ReadAsync(paths, ada, bob));
    }

    private static async Task<List<string>> ReadAsync(string[] paths, params TestUser[] users)
    {
        var answers = new List<string>();
        foreach (var user in users)
        {
            foreach (var path in paths)
            {
                var reply = await user.GetAsync(path);
                Assert.Equal(200, reply.Status);
                answers.Add(path + Age().Replace(reply.Text, string.Empty));
            }
        }
        return answers;
    }

    [GeneratedRegex("\"age\":-?[0-9]+")]
    private static partial Regex Age();
}
