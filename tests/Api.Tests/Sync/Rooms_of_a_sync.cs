using System.Text.Json;
using Matrix.EventSourced.Api.Tests.EduServer;
using Matrix.EventSourced.Kit.Hosting;

namespace Matrix.EventSourced.Api.Tests.Sync;

public sealed class Rooms_of_a_sync
{
    [Fact]
    public async Task that_one_knocks_on_show_their_stripped_state_until_the_knock_is_answered()
    {
        await using var world = await EduWorld.StartAsync();
        var room = await world.Alice.CreateRoomAsync(
            """{"name":"Garden","initial_state":[{"type":"m.room.join_rules","state_key":"","content":{"join_rule":"knock"}}]}""");
        var token = EduWorld.Token(await world.Bob.SyncAsync());
        var poll = world.Bob.SyncAsync(token, timeoutMs: 30_000);
        (await world.Bob.PostAsync($"knock/{Uri.EscapeDataString(room)}")).Ok();

        var sync = await poll;
        var events = Section(sync, "knock").GetProperty(room).GetProperty("knock_state").GetProperty("events");
        var types = events.EnumerateArray().Select(one => one.Text("type")).ToList();
        Assert.Contains("m.room.create", types);
        Assert.Contains("m.room.name", types);
        Assert.Contains(events.EnumerateArray(), one =>
            one.Text("type") == "m.room.member" && one.GetProperty("content").Text("membership") == "knock");
        Assert.True(Section(await world.Bob.SyncAsync(), "knock").TryGetProperty(room, out _));
        Assert.False(Section(await world.Bob.SyncAsync(EduWorld.Token(sync)), "knock").TryGetProperty(room, out _));

        (await world.Alice.PostAsync(
            EduWorld.Path(room, "invite"), $$"""{"user_id":"{{world.Bob.UserId}}"}""")).Ok();
        sync = await world.Bob.SyncAsync(EduWorld.Token(sync));
        Assert.True(Section(sync, "invite").TryGetProperty(room, out _));
        Assert.False(Section(sync, "knock").TryGetProperty(room, out _));
    }

    [Fact]
    public async Task that_one_is_turned_away_from_are_left()
    {
        await using var world = await EduWorld.StartAsync();
        var room = await world.Alice.CreateRoomAsync(
            """{"initial_state":[{"type":"m.room.join_rules","state_key":"","content":{"join_rule":"knock"}}]}""");
        (await world.Bob.PostAsync($"knock/{Uri.EscapeDataString(room)}")).Ok();
        var token = EduWorld.Token(await world.Bob.SyncAsync());
        (await world.Alice.PostAsync(EduWorld.Path(room, "kick"), $$"""{"user_id":"{{world.Bob.UserId}}"}""")).Ok();
        var left = Section(await world.Bob.SyncAsync(token), "leave").GetProperty(room);
        Assert.Empty(left.GetProperty("state").GetProperty("events").EnumerateArray());
    }

    [Fact]
    public async Task may_show_the_state_after_their_timeline()
    {
        await using var world = await EduWorld.StartAsync();
        var token = EduWorld.Token(await world.Bob.SyncAsync());
        var name = await world.Alice.SetStateAsync(world.Room, "m.room.name", "", """{"name":"one"}""");
        for (var count = 0; count < 3; count++)
            await world.Alice.SendTextAsync(world.Room, "talk");
        var topic = await world.Alice.SetStateAsync(world.Room, "m.room.topic", "", """{"topic":"two"}""");
        const string filter = """{"room":{"timeline":{"limit":2}}}""";

        var before = Joined(await SyncAsync(world.Bob, token, filter, "false"), world.Room);
        Assert.Equal([name], Ids(before.GetProperty("state")));
        Assert.False(before.TryGetProperty("state_after", out _));
        var after = Joined(await SyncAsync(world.Bob, token, filter, "true"), world.Room);
        Assert.Equal([name, topic], Ids(after.GetProperty("state_after")));
        Assert.Equal(2, Ids(after.GetProperty("timeline")).Length);
        Assert.False(after.TryGetProperty("state", out _));
    }

    /// <summary>State that a filter kept out of the timeline was told nowhere once the timeline began before it.</summary>
    [Theory]
    [InlineData(3)]
    [InlineData(1)]
    public async Task show_the_state_that_a_filter_keeps_out_of_the_timeline(int limit)
    {
        await using var world = await EduWorld.StartAsync();
        await world.Alice.SetStateAsync(world.Room, "m.room.topic", "", """{"topic":"old"}""");
        var filter = $$"""{"room":{"timeline":{"limit":{{limit}},"types":["m.room.message"]} } }""";
        var token = EduWorld.Token(await world.Bob.SyncAsync(filter: filter));
        var first = await world.Alice.SendTextAsync(world.Room, "one");
        await world.Alice.SetStateAsync(world.Room, "m.room.name", "", """{"name":"passing"}""");
        var name = await world.Alice.SetStateAsync(world.Room, "m.room.name", "", """{"name":"kept out"}""");
        var second = await world.Alice.SendTextAsync(world.Room, "two");
        var topic = await world.Alice.SetStateAsync(world.Room, "m.room.topic", "", """{"topic":"kept out"}""");
        string[] shown = limit == 1 ? [second] : [first, second];

        foreach (var since in new[] { token, null })
        {
            var room = Joined(await world.Bob.SyncAsync(since, filter: filter), world.Room);
            Assert.Equal(shown, Ids(room.GetProperty("timeline")));
            var state = room.GetProperty("state").GetProperty("events").EnumerateArray().Where(
                one => one.Text("type") is "m.room.name" or "m.room.topic");
            Assert.Equal([name, topic], state.Select(one => one.Text("event_id")));
        }
        await world.Server.RestartAsync();
        var fromTables = Joined(await world.Bob.SyncAsync(token, filter: filter), world.Room);
        Assert.Equal([name, topic], Ids(fromTables.GetProperty("state")));
        Assert.Equal(shown, Ids(fromTables.GetProperty("timeline")));
    }

    /// <summary>What happened while the user was away is not for the timeline, but what changed then is so: a timeline that
    /// went on from before took it back.</summary>
    [Fact]
    public async Task show_the_state_that_changed_while_the_user_was_away()
    {
        await using var world = await EduWorld.StartAsync();
        await world.Alice.SetStateAsync(world.Room, "m.room.history_visibility", "", """{"history_visibility":"joined"}""");
        await world.Alice.SetStateAsync(world.Room, "m.room.topic", "", """{"topic":"old"}""");
        var seen = await world.Alice.SendTextAsync(world.Room, "seen");
        (await world.Bob.PostAsync(EduWorld.Path(world.Room, "leave"))).Ok();
        var token = EduWorld.Token(await world.Bob.SyncAsync());
        var secret = await world.Alice.SendTextAsync(world.Room, "secret");
        var topic = await world.Alice.SetStateAsync(world.Room, "m.room.topic", "", """{"topic":"new"}""");
        await world.Bob.JoinAsync(world.Room);

        var room = Joined(await world.Bob.SyncAsync(token), world.Room);
        Assert.True(room.GetProperty("timeline").GetProperty("limited").GetBoolean());
        Assert.DoesNotContain(secret, Ids(room.GetProperty("timeline")));
        var earlier = (await world.Bob.GetAsync(EduWorld.Path(
            world.Room, $"messages?dir=b&limit=50&from={room.GetProperty("timeline").Text("prev_batch")}"))).Ok().GetProperty("chunk");
        Assert.Contains(seen, earlier.EnumerateArray().Select(one => one.Text("event_id")));
        Assert.DoesNotContain(secret, earlier.EnumerateArray().Select(one => one.Text("event_id")));
        var topics = room.GetProperty("state").GetProperty("events").EnumerateArray()
            .Concat(room.GetProperty("timeline").GetProperty("events").EnumerateArray())
            .Where(one => one.Text("type") == "m.room.topic");
        Assert.Equal(topic, topics.Last().Text("event_id"));
    }

    [Theory]
    [InlineData("false", 1)]
    [InlineData("false", 20)]
    [InlineData("true", 1)]
    public async Task show_who_was_banned_later_the_state_as_it_was_when_they_left(string usesStateAfter, int limit)
    {
        await using var world = await EduWorld.StartAsync();
        await world.Alice.SetStateAsync(world.Room, "m.room.topic", "", """{"topic":"theirs"}""");
        (await world.Bob.PostAsync(EduWorld.Path(world.Room, "leave"))).Ok();
        await world.Alice.SetStateAsync(world.Room, "m.room.topic", "", """{"topic":"secret"}""");
        (await world.Alice.PostAsync(EduWorld.Path(world.Room, "ban"), $$"""{"user_id":"{{world.Bob.UserId}}"}""")).Ok();

        var filter = Uri.EscapeDataString($$"""{"room":{"include_leave":true,"timeline":{"limit":{{limit}}} } }""");
        var sync = (await world.Bob.GetAsync($"sync?use_state_after={usesStateAfter}&filter={filter}")).Ok();
        Assert.Contains("theirs", sync.GetRawText(), StringComparison.Ordinal);
        Assert.DoesNotContain("secret", sync.GetRawText(), StringComparison.Ordinal);
        var timeline = Section(sync, "leave").GetProperty(world.Room).GetProperty("timeline").GetProperty("events");
        Assert.Equal("ban", timeline[timeline.GetArrayLength() - 1].GetProperty("content").Text("membership"));
    }

    private static async Task<JsonElement> SyncAsync(
        TestUser user, string since, string filter, string useStateAfter) => (await user.GetAsync(
            $"sync?since={since}&use_state_after={useStateAfter}&filter={Uri.EscapeDataString(filter)}")).Ok();

    private static JsonElement Section(JsonElement sync, string name) => sync.GetProperty("rooms").GetProperty(name);

    private static JsonElement Joined(JsonElement sync, string room) => Section(sync, "join").GetProperty(room);

    private static string[] Ids(JsonElement part) =>
        [.. part.GetProperty("events").EnumerateArray().Select(one => one.Text("event_id"))];
}
