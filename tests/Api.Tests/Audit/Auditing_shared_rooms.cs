using Matrix.EventSourced.Api.Tests.Federation;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.Roomserver;
using Matrix.EventSourced.Kit.Hosting;
using Xunit.Abstractions;

namespace Matrix.EventSourced.Api.Tests.Audit;

/// <summary>The audit of logs with forks: two servers that part, change the same state, and come together again.</summary>
public sealed class Auditing_shared_rooms(ITestOutputHelper output) : TwoServers
{
    private string _room = "";

    [Fact]
    public async Task state_at_random_positions_is_what_a_second_server_comes_to_that_replays_up_to_there()
    {
        var seed = int.TryParse(Environment.GetEnvironmentVariable("TEST_SEED"), out var given) ? given : 20261126;
        output.WriteLine($"TEST_SEED={seed}");
        await MakeHistoryAsync();
        var facts = (await ReplayedServer.ReadAsync(Second)).Select(Decode).OfType<PduRecorded>().ToList();
        Assert.Contains(facts, fact => !fact.StateBeforeAdded.IsEmpty);
        Assert.Contains(facts, fact => !fact.StateBeforeRemoved.IsEmpty);
        Assert.Contains(facts, fact => !fact.StateRemoved.IsEmpty);
        Assert.Contains(facts, fact => fact.ForwardExtremities.Length > 1);
        Assert.Contains(facts, fact => fact.Disposition == PduDisposition.Backfilled);
        Assert.Contains(facts, fact => fact.RedactsApplied is not null);
        foreach (var server in (TestHomeserver[])[First, Second])
        {
            var verified = await AuditedServer.AskAsync(server, "verify");
            Assert.True(Assert.Single(verified).GetProperty("ok").GetBoolean(), string.Join('\n', verified));
        }

        var (ofFirst, ofSecond) = (await ReplayedServer.ReadAsync(First), await ReplayedServer.ReadAsync(Second));
        // What replays has the same name: neither may reach the other.
        await First.StopAsync();
        await Second.StopAsync();
        await CompareAsync(First, ServerOf(Alice), ofFirst, new Random(seed));
        await CompareAsync(Second, ServerOf(Bob), ofSecond, new Random(seed));
    }

    private async Task CompareAsync(TestHomeserver server, string name, List<LogRecord> records, Random random)
    {
        // From the room's first fact on: before it there is nothing to be wrong about.
        var first = records.FindIndex(record => Decode(record) is PduRecorded);
        var chosen = Enumerable.Range(0, 50).Select(_ => random.Next(first, records.Count)).Order().ToList();
        await using var replayed = await ReplayedServer.StartAsync(name, records);
        await using var stopped = await server.OpenStoppedAsync();
        foreach (var index in chosen)
        {
            await replayed.ReplayAsync(index);

            var audited = await AuditedServer.AskAsync(stopped, "state", _room, "--at", $"{records[index].Position}");

            Assert.Equal(await replayed.StateOfAsync(_room), audited.Skip(1).Select(ReplayedServer.Entry));
            Assert.All(audited.Take(1), line => Assert.True(line.GetProperty("root_holds").GetBoolean()));
        }
    }

    /// <summary>While they are parted, Alice takes Bob's power away, and Bob still uses it: what he set goes again.</summary>
    private async Task MakeHistoryAsync()
    {
        _room = await Alice.CreateRoomAsync(
            $$"""{"preset":"public_chat","room_version":"11","power_level_content_override":{"users":{"{{Alice.UserId}}":100,"{{Bob.UserId}}":50} } }""");
        for (var number = 0; number < 5; number++)
            await Alice.SendTextAsync(_room, $"before {number}");
        var carol = await Second.RegisterAsync("carol");
        await JoinAsync(Bob);
        await JoinAsync(carol);
        await Alice.SetStateAsync(_room, "m.room.topic", "", """{"topic":"one"}""");
        await MeetAgainAsync();
        for (var round = 0; round < 2; round++)
        {
            await Second.StopAsync();
            await Alice.SetStateAsync(_room, "m.room.topic", "", $$"""{"topic":"alice {{round}}"}""");
            await Alice.SetStateAsync(_room, "org.example.alice", $"{round}", "{}");
            await SetPowerAsync(0);
            await First.StopAsync();
            await Second.StartAgainAsync();
            await Bob.SetStateAsync(_room, "m.room.topic", "", $$"""{"topic":"bob {{round}}"}""");
            await Bob.SetStateAsync(_room, "org.example.bob", $"{round}", "{}");
            await RedactAsync(Bob, await Bob.SendTextAsync(_room, "a secret"));
            if (round == 1)
                (await carol.PostAsync($"rooms/{Escaped(_room)}/leave")).Ok();
            await First.StartAgainAsync();
            await MeetAgainAsync();
            await SetPowerAsync(50);
            await RedactAsync(Alice, await Alice.SendTextAsync(_room, "another secret"));
            await MeetAgainAsync();
        }
        (await Bob.GetAsync($"rooms/{Escaped(_room)}/messages?dir=b&limit=100")).Ok();
    }

    private async Task SetPowerAsync(int bob) => await Alice.SetStateAsync(
        _room, "m.room.power_levels", "", $$"""{"users":{"{{Alice.UserId}}":100,"{{Bob.UserId}}":{{bob}} } }""");

    private async Task JoinAsync(TestUser user) =>
        (await user.PostAsync($"/_matrix/client/v3/join/{Escaped(_room)}?via={ServerOf(Alice)}")).Ok();

    private async Task RedactAsync(TestUser user, string eventId) =>
        (await user.PutAsync($"rooms/{Escaped(_room)}/redact/{Escaped(eventId)}/r{eventId[1..9]}", "{}")).Ok();

    /// <summary>Each says something that the other sees: all before it has arrived too.</summary>
    private async Task MeetAgainAsync()
    {
        await Bob.SeesAsync(_room, await Alice.SendTextAsync(_room, "here I am"));
        await Alice.SeesAsync(_room, await Bob.SendTextAsync(_room, "so am I"));
    }

    private static IFact? Decode(LogRecord record) => FactCodec.Knows(record.Type) ? FactCodec.Decode(record.Type, record.Data) : null;
}
