using System.Text.Json;
using Matrix.EventSourced.Kit.Hosting;

namespace Matrix.EventSourced.Api.Tests.Reading;

/// <summary>The older forms of syncing, of which looking into world-readable rooms is still in use.</summary>
public sealed class Looking_into_rooms : IAsyncLifetime
{
    private const string Readable = """
        {"preset":"public_chat","initial_state":
        [{"type":"m.room.history_visibility","state_key":"","content":{"history_visibility":"world_readable"}}]}
        """;

    private TestHomeserver _server = null!;
    private TestUser _ada = null!;
    private TestUser _bob = null!;
    private string _room = null!;

    public async Task InitializeAsync()
    {
        _server = await TestHomeserver.StartAsync();
        _ada = await _server.RegisterAsync("ada");
        _bob = await _server.RegisterAsync("bob");
        _room = await _ada.CreateRoomAsync(Readable);
    }

    public Task DisposeAsync() => _server.DisposeAsync().AsTask();

    [Fact]
    public async Task a_room_comes_in_one_piece_and_goes_on()
    {
        var (first, second) = (await _ada.SendTextAsync(_room, "first"), await _ada.SendTextAsync(_room, "second"));
        var info = (await _bob.GetAsync($"rooms/{_room}/initialSync?limit=2")).Ok();
        Assert.Equal("leave", info.Text("membership"));
        Assert.Equal("private", info.Text("visibility"));
        var messages = info.GetProperty("messages");
        Assert.Equal([first, second], Ids(messages.GetProperty("chunk")));
        Assert.Contains(info.GetProperty("state").EnumerateArray(), stored => stored.Text("type") == "m.room.create");
        var older = (await _bob.GetAsync($"rooms/{_room}/messages?dir=b&limit=1&from={messages.Text("start")}")).Ok();
        Assert.DoesNotContain(first, Ids(older.GetProperty("chunk")));

        var third = await _ada.SendTextAsync(_room, "third");
        var events = (await _bob.GetAsync($"events?room_id={_room}&from={messages.Text("end")}")).Ok();
        Assert.Equal([third], Ids(events.GetProperty("chunk")));
        events = (await _bob.GetAsync($"events?room_id={_room}&from={events.Text("end")}")).Ok();
        Assert.Empty(Ids(events.GetProperty("chunk")));
    }

    [Fact]
    public async Task somebody_outside_hears_of_an_event_when_it_happens()
    {
        var from = (await _bob.GetAsync($"rooms/{_room}/initialSync")).Ok().GetProperty("messages").Text("end");
        var waiting = _bob.GetAsync($"events?room_id={_room}&from={from}&timeout=60000");
        var elsewhere = await _ada.CreateRoomAsync();
        await _ada.SendTextAsync(elsewhere, "elsewhere");
        var id = await _ada.SendTextAsync(_room, "here");
        Assert.Equal([id], Ids((await waiting).Ok().GetProperty("chunk")));
    }

    [Fact]
    public async Task who_was_banned_later_sees_no_state_of_after_they_left()
    {
        var room = await _ada.CreateRoomAsync();
        await _bob.JoinAsync(room);
        await _ada.SetStateAsync(room, "m.room.topic", "", """{"topic":"theirs"}""");
        (await _bob.PostAsync($"rooms/{room}/leave")).Ok();
        await _ada.SetStateAsync(room, "m.room.topic", "", """{"topic":"secret"}""");
        (await _ada.PostAsync($"rooms/{room}/ban", $$"""{"user_id":"{{_bob.UserId}}"}""")).Ok();
        var ban = (await _ada.GetAsync($"rooms/{room}/state/m.room.member/{_bob.UserId}?format=event")).Ok().Text("event_id");

        string[] paths = [$"context/{ban}", "state", "initialSync", "messages?dir=b", "members"];
        foreach (var path in paths)
        {
            var seen = (await _bob.GetAsync($"rooms/{room}/{path}")).Ok().GetRawText();
            Assert.DoesNotContain("secret", seen, StringComparison.Ordinal);
        }
        Assert.Contains("theirs", (await _bob.GetAsync($"rooms/{room}/context/{ban}")).Ok().GetRawText(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task nobody_looks_into_a_room_that_is_not_world_readable()
    {
        var closed = await _ada.CreateRoomAsync();
        (await _bob.GetAsync($"rooms/{closed}/initialSync")).Refused(403, "M_FORBIDDEN");
        (await _bob.GetAsync($"events?room_id={closed}&timeout=60000")).Refused(403, "M_FORBIDDEN");
        (await _bob.GetAsync("events?room_id=nonsense")).Refused(400, "M_INVALID_PARAM");
        (await _bob.GetAsync("events?from=nonsense")).Refused(400, "M_INVALID_PARAM");
        (await _bob.GetAsync("events?from=s99999999")).Refused(400, "M_INVALID_PARAM");
        (await _bob.GetAsync("events?timeout=x")).Refused(400, "M_INVALID_PARAM");
        var id = await _ada.SendTextAsync(closed, "secret");
        (await _bob.GetAsync($"events/{id}")).Refused(404, "M_NOT_FOUND");
        (await _bob.GetAsync("events/$nothing")).Refused(404, "M_NOT_FOUND");
        Assert.Equal(closed, (await _ada.GetAsync($"events/{id}")).Ok().Text("room_id"));
    }

    [Fact]
    public async Task all_rooms_of_a_member_come_at_once_and_go_on()
    {
        var (left, invited) = (await _ada.CreateRoomAsync(), await _ada.CreateRoomAsync());
        await _bob.JoinAsync(left);
        (await _bob.PostAsync($"rooms/{left}/leave")).Ok();
        (await _ada.PostAsync($"rooms/{invited}/invite", $$"""{"user_id":"{{_bob.UserId}}"}""")).Ok();
        await _bob.JoinAsync(_room);
        (await _bob.PutAsync($"user/{_bob.UserId}/rooms/{_room}/account_data/org.example", """{"x":1}""")).Ok();
        await _ada.SetStateAsync(_room, "m.room.name", "", """{"name":"now"}""");
        var last = await _ada.SendTextAsync(_room, "last");
        var sync = (await _bob.GetAsync("initialSync?limit=2")).Ok();
        Assert.Equal(["invite", "join"], sync.GetProperty("rooms").EnumerateArray().Select(room => room.Text("membership")).Order());
        var joined = sync.GetProperty("rooms").EnumerateArray().Single(room => room.Text("membership") == "join");
        Assert.Equal(_room, joined.Text("room_id"));
        Assert.Equal(last, Ids(joined.GetProperty("messages").GetProperty("chunk")).Last());
        Assert.Equal("org.example", joined.GetProperty("account_data")[0].Text("type"));
        var name = joined.GetProperty("state").EnumerateArray().Single(stored => stored.Text("type") == "m.room.name");
        Assert.Equal("now", name.GetProperty("content").Text("name"));
        Assert.Contains(
            (await _bob.GetAsync("initialSync?archived=true")).Ok().GetProperty("rooms").EnumerateArray(),
            room => room.Text("membership") == "leave" && room.Text("room_id") == left);

        var id = await _ada.SendTextAsync(_room, "more");
        var events = (await _bob.GetAsync($"events?from={sync.Text("end")}&timeout=60000")).Ok();
        Assert.Equal([id], Ids(events.GetProperty("chunk")));
        Assert.Empty(Ids((await _bob.GetAsync($"events?from={events.Text("end")}")).Ok().GetProperty("chunk")));
    }

    private static IEnumerable<string> Ids(JsonElement events) =>
        events.EnumerateArray().Select(stored => stored.Text("event_id"));
}
