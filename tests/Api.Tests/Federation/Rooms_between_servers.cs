using Matrix.EventSourced.Kit.Hosting;

namespace Matrix.EventSourced.Api.Tests.Federation;

/// <summary>Rooms that users of two real servers share, over TLS on loopback.</summary>
public sealed class Rooms_between_servers : IAsyncLifetime
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

    [Theory]
    [InlineData("1")]
    [InlineData("2")]
    [InlineData("3")]
    [InlineData("4")]
    [InlineData("5")]
    [InlineData("6")]
    [InlineData("7")]
    [InlineData("8")]
    [InlineData("9")]
    [InlineData("10")]
    [InlineData("11")]
    [InlineData("12")]
    public async Task join_by_alias_and_talk_in_both_directions(string version)
    {
        var alias = $"meet{version}";
        var room = await _alice.CreateRoomAsync(
            $$"""{"preset":"public_chat","room_version":"{{version}}","room_alias_name":"{{alias}}","name":"Meeting"}""");
        await _bob.JoinAsync($"#{alias}:{ServerOf(_alice)}");
        var fromBob = await _bob.SendTextAsync(room, "hello from afar");
        await _alice.SeesAsync(room, fromBob);
        var fromAlice = await _alice.SendTextAsync(room, "hello back");
        await _bob.SeesAsync(room, fromAlice);

        Assert.Equal(await _alice.StateAsync(room), await _bob.StateAsync(room));
    }

    [Fact]
    public async Task invite_is_seen_and_accepted()
    {
        var room = await _alice.CreateRoomAsync("""{"preset":"private_chat","name":"Secret"}""");
        (await _alice.PostAsync(
            $"/_matrix/client/v3/rooms/{Uri.EscapeDataString(room)}/invite",
            $$"""{"user_id":"{{_bob.UserId}}"}""")).Ok();
        var stripped = await _bob.IsInvitedAsync(room);
        await _bob.JoinAsync(room);
        var eventId = await _bob.SendTextAsync(room, "thanks");
        await _alice.SeesAsync(room, eventId);

        Assert.Contains(stripped, entry => entry.Text("type") == "m.room.name");
        Assert.Equal(await _alice.StateAsync(room), await _bob.StateAsync(room));
    }

    [Fact]
    public async Task invite_is_rejected()
    {
        var room = await _alice.CreateRoomAsync("""{"preset":"private_chat"}""");
        (await _alice.PostAsync(
            $"/_matrix/client/v3/rooms/{Uri.EscapeDataString(room)}/invite",
            $$"""{"user_id":"{{_bob.UserId}}"}""")).Ok();
        await _bob.IsInvitedAsync(room);
        (await _bob.PostAsync($"/_matrix/client/v3/rooms/{Uri.EscapeDataString(room)}/leave")).Ok();

        await _alice.SeesAsync(
            sync => SharedRooms.Events(sync, "join", room, "timeline").Any(entry =>
                entry.Text("type") == "m.room.member"
                && entry.Text("state_key") == _bob.UserId
                && entry.GetProperty("content").Text("membership") == "leave"),
            "the rejection does not arrive");
        Assert.DoesNotContain(room, (await _bob.SyncAsync()).ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task private_room_lets_nobody_in()
    {
        var room = await _alice.CreateRoomAsync("""{"preset":"private_chat"}""");
        var answer = await _bob.PostAsync(
            $"/_matrix/client/v3/join/{Uri.EscapeDataString(room)}?via={ServerOf(_alice)}");

        answer.Refused(403, "M_FORBIDDEN");
    }

    [Fact]
    public async Task knock_is_let_in()
    {
        var room = await _alice.CreateRoomAsync(
            """
            {"preset":"private_chat","name":"Door","initial_state":[
                {"type":"m.room.join_rules","state_key":"","content":{"join_rule":"knock"}}]}
            """);
        (await _bob.PostAsync($"/_matrix/client/v3/knock/{Uri.EscapeDataString(room)}?via={ServerOf(_alice)}")).Ok();
        await _alice.SeesAsync(
            sync => SharedRooms.Events(sync, "join", room, "timeline").Any(entry =>
                entry.Text("type") == "m.room.member" && entry.Text("state_key") == _bob.UserId),
            "the knock does not arrive");
        (await _alice.PostAsync(
            $"/_matrix/client/v3/rooms/{Uri.EscapeDataString(room)}/invite",
            $$"""{"user_id":"{{_bob.UserId}}"}""")).Ok();
        await _bob.IsInvitedAsync(room);
        await _bob.JoinAsync(room);

        Assert.Equal(await _alice.StateAsync(room), await _bob.StateAsync(room));
    }

    [Fact]
    public async Task leave_and_ban_reach_the_other_server()
    {
        var room = await _alice.CreateRoomAsync();
        await _bob.PostAsync($"/_matrix/client/v3/join/{Uri.EscapeDataString(room)}?via={ServerOf(_alice)}");
        (await _alice.PostAsync(
            $"/_matrix/client/v3/rooms/{Uri.EscapeDataString(room)}/ban",
            $$"""{"user_id":"{{_bob.UserId}}","reason":"no"}""")).Ok();
        await _bob.SeesAsync(
            sync => sync.ToString().Contains("\"leave\":{\"" + room, StringComparison.Ordinal)
                && sync.ToString().Contains("\"membership\":\"ban\"", StringComparison.Ordinal),
            "the ban does not arrive");
        var again = await _bob.PostAsync(
            $"/_matrix/client/v3/join/{Uri.EscapeDataString(room)}?via={ServerOf(_alice)}");

        again.Refused(403, "M_FORBIDDEN");
    }

    [Fact]
    public async Task restricted_room_lets_in_who_is_in_the_other_room()
    {
        var club = await _alice.CreateRoomAsync();
        var room = await _alice.CreateRoomAsync(
            $$"""
            {"preset":"private_chat","initial_state":[{"type":"m.room.join_rules","state_key":"","content":
                {"join_rule":"restricted","allow":[{"type":"m.room_membership","room_id":"{{club}}" } ] } } ]}
            """);
        var via = ServerOf(_alice);
        var before = await _bob.PostAsync($"/_matrix/client/v3/join/{Uri.EscapeDataString(room)}?via={via}");
        (await _bob.PostAsync($"/_matrix/client/v3/join/{Uri.EscapeDataString(club)}?via={via}")).Ok();
        (await _bob.PostAsync($"/_matrix/client/v3/join/{Uri.EscapeDataString(room)}?via={via}")).Ok();

        before.Refused(403, "M_FORBIDDEN");
        Assert.Equal(await _alice.StateAsync(room), await _bob.StateAsync(room));
    }

    [Fact]
    public async Task forks_merge_into_one_state()
    {
        var room = await _alice.CreateRoomAsync();
        (await _bob.PostAsync($"/_matrix/client/v3/join/{Uri.EscapeDataString(room)}?via={ServerOf(_alice)}")).Ok();
        // Both send at once: neither has seen the other's event when it makes its own.
        var sent = await Task.WhenAll(
            Enumerable.Range(0, 10).SelectMany(number => new[]
            {
                _alice.SendTextAsync(room, $"a{number}"), _bob.SendTextAsync(room, $"b{number}"),
            }));
        await _alice.SetStateAsync(room, "m.room.topic", string.Empty, """{"topic":"one"}""");
        var last = await _alice.SendTextAsync(room, "after all");
        await _bob.SeesAsync(room, last);
        foreach (var eventId in sent)
        {
            await EventuallyThereAsync(_alice, room, eventId);
            await EventuallyThereAsync(_bob, room, eventId);
        }

        Assert.Equal(await _alice.StateAsync(room), await _bob.StateAsync(room));
    }

    [Fact]
    public async Task history_before_the_join_is_fetched()
    {
        var room = await _alice.CreateRoomAsync();
        var sent = new List<string>();
        for (var number = 0; number < 5; number++)
            sent.Add(await _alice.SendTextAsync(room, $"old {number}"));
        (await _bob.PostAsync($"/_matrix/client/v3/join/{Uri.EscapeDataString(room)}?via={ServerOf(_alice)}")).Ok();
        var page = (await _bob.GetAsync(
            $"/_matrix/client/v3/rooms/{Uri.EscapeDataString(room)}/messages?dir=b&limit=100")).Ok();
        var shown = page.GetProperty("chunk").EnumerateArray().Select(entry => entry.Text("event_id")).ToList();

        sent.Reverse();
        Assert.Equal(sent, shown.Where(sent.Contains));
        Assert.Equal("m.room.create", page.GetProperty("chunk").EnumerateArray().Last().Text("type"));
    }

    private static async Task EventuallyThereAsync(TestUser user, string room, string eventId)
    {
        var path = $"/_matrix/client/v3/rooms/{Uri.EscapeDataString(room)}/event/{Uri.EscapeDataString(eventId)}";
        string? since = null;
        for (var poll = 0; poll < 40; poll++)
        {
            if ((await user.GetAsync(path)).Status == 200)
                return;
            since = (await user.SyncAsync(since, since is null ? 0 : 2_000)).Text("next_batch");
        }
        Assert.Fail($"{eventId} does not reach {user.UserId}");
    }

    private static string ServerOf(TestUser user) => user.UserId[(user.UserId.IndexOf(':', StringComparison.Ordinal) + 1)..];
}
