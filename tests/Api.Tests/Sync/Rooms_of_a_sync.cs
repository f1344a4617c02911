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

    private static async Task<JsonElement> SyncAsync(
        TestUser user, string since, string filter, string useStateAfter) => (await user.GetAsync(
            $"sync?since={since}&use_state_after={useStateAfter}&filter={Uri.EscapeDataString(filter)}")).Ok();

    private static JsonElement Section(JsonElement sync, string name) => sync.GetProperty("rooms").GetProperty(name);

    private static JsonElement Joined(JsonElement sync, string room) => Section(sync, "join").GetProperty(room);

    private static string[] Ids(JsonElement part) =>
        [.. part.GetProperty("events").EnumerateArray().Select(one => one.Text("event_id"))];
}
