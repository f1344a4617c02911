using Matrix.EventSourced.Kit.Hosting;

namespace Matrix.EventSourced.Api.Tests.Federation;

/// <summary>Rooms that users of two real servers share, over TLS on loopback.</summary>
public sealed class Rooms_between_servers : TwoServers
{
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
        var room = await Alice.CreateRoomAsync(
            $$"""{"preset":"public_chat","room_version":"{{version}}","room_alias_name":"{{alias}}","name":"Meeting"}""");
        await Bob.JoinAsync($"#{alias}:{ServerOf(Alice)}");
        var fromBob = await Bob.SendTextAsync(room, "hello from afar");
        await Alice.SeesAsync(room, fromBob);
        var fromAlice = await Alice.SendTextAsync(room, "hello back");
        await Bob.SeesAsync(room, fromAlice);

        Assert.Equal(await Alice.StateAsync(room), await Bob.StateAsync(room));
    }

    [Fact]
    public async Task alias_of_another_server_names_the_room_as_one_of_ours_does()
    {
        var theirs = $"#theirs:{ServerOf(Bob)}";
        var room = await Alice.CreateRoomAsync("""{"preset":"public_chat","room_alias_name":"ours","name":"Both"}""");
        await Bob.JoinAsync($"#ours:{ServerOf(Alice)}");
        var mistake = await Bob.CreateRoomAsync("""{"preset":"public_chat","room_alias_name":"mistaken"}""");
        (await Bob.PutAsync($"directory/room/{Escaped(theirs)}", $$"""{"room_id":"{{room}}"}""")).Ok();

        await Alice.SetStateAsync(room, "m.room.canonical_alias", "", $$"""{"alias":"{{theirs}}"}""");
        foreach (var other in new[] { $"#mistaken:{ServerOf(Bob)}", $"#none:{ServerOf(Bob)}" })
        {
            (await Alice.PutAsync(
                $"rooms/{Escaped(room)}/state/m.room.canonical_alias", $$"""{"alt_aliases":["{{other}}"]}""")).Refused(400, "M_BAD_ALIAS");
        }
        var summary = (await Alice.GetAsync($"/_matrix/client/v1/room_summary/{Escaped(theirs)}")).Ok();
        Assert.Equal((room, "Both"), (summary.Text("room_id"), summary.Text("name")));
        var far = (await Alice.GetAsync($"/_matrix/client/v1/room_summary/{Escaped($"#mistaken:{ServerOf(Bob)}")}")).Ok();
        Assert.Equal(mistake, far.Text("room_id"));
        (await Alice.GetAsync($"/_matrix/client/v1/room_summary/{Escaped($"#none:{ServerOf(Bob)}")}")).Refused(404, "M_NOT_FOUND");
    }

    [Fact]
    public async Task invite_is_seen_and_accepted()
    {
        var room = await Alice.CreateRoomAsync("""{"preset":"private_chat","name":"Secret"}""");
        (await Alice.PostAsync(
            $"/_matrix/client/v3/rooms/{Uri.EscapeDataString(room)}/invite",
            $$"""{"user_id":"{{Bob.UserId}}"}""")).Ok();
        var stripped = await Bob.IsInvitedAsync(room);
        await Bob.JoinAsync(room);
        var eventId = await Bob.SendTextAsync(room, "thanks");
        await Alice.SeesAsync(room, eventId);

        Assert.Contains(stripped, entry => entry.Text("type") == "m.room.name");
        Assert.Equal(await Alice.StateAsync(room), await Bob.StateAsync(room));
    }

    /// <summary>Users of other servers are invited after the room is made, and were forgotten when power was given out.</summary>
    [Theory]
    [InlineData("10")]
    [InlineData("12")]
    public async Task invited_of_another_server_has_the_creators_power_in_a_trusted_chat(string version)
    {
        var room = await Alice.CreateRoomAsync(
            $$"""{"preset":"trusted_private_chat","room_version":"{{version}}","is_direct":true,"invite":["{{Bob.UserId}}"]}""");
        await Bob.IsInvitedAsync(room);
        await Bob.JoinAsync(room);
        await Bob.SetStateAsync(room, "m.room.topic", "", """{"topic":"the two of us"}""");
        var type = version == "12" ? "m.room.create" : "m.room.power_levels";
        var content = (await Bob.GetAsync($"/_matrix/client/v3/rooms/{Uri.EscapeDataString(room)}/state/{type}/")).Ok();

        if (version == "12")
            Assert.Equal(Bob.UserId, Assert.Single(content.GetProperty("additional_creators").EnumerateArray()).GetString());
        else
            Assert.Equal(100, content.GetProperty("users").GetProperty(Bob.UserId).GetInt32());
    }

    [Fact]
    public async Task invite_is_rejected()
    {
        var room = await Alice.CreateRoomAsync("""{"preset":"private_chat"}""");
        (await Alice.PostAsync(
            $"/_matrix/client/v3/rooms/{Uri.EscapeDataString(room)}/invite",
            $$"""{"user_id":"{{Bob.UserId}}"}""")).Ok();
        await Bob.IsInvitedAsync(room);
        (await Bob.PostAsync($"/_matrix/client/v3/rooms/{Uri.EscapeDataString(room)}/leave")).Ok();

        await Alice.SeesAsync(
            sync => SharedRooms.Events(sync, "join", room, "timeline").Any(entry =>
                entry.Text("type") == "m.room.member"
                && entry.Text("state_key") == Bob.UserId
                && entry.GetProperty("content").Text("membership") == "leave"),
            "the rejection does not arrive");
        Assert.DoesNotContain(room, (await Bob.SyncAsync()).ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task private_room_lets_nobody_in()
    {
        var room = await Alice.CreateRoomAsync("""{"preset":"private_chat"}""");
        var answer = await Bob.PostAsync(
            $"/_matrix/client/v3/join/{Uri.EscapeDataString(room)}?via={ServerOf(Alice)}");

        answer.Refused(403, "M_FORBIDDEN");
    }

    [Fact]
    public async Task knock_is_let_in()
    {
        var room = await Alice.CreateRoomAsync(
            """
            {"preset":"private_chat","name":"Door","initial_state":[
                {"type":"m.room.join_rules","state_key":"","content":{"join_rule":"knock"}}]}
            """);
        (await Bob.PostAsync($"/_matrix/client/v3/knock/{Uri.EscapeDataString(room)}?via={ServerOf(Alice)}")).Ok();
        await Alice.SeesAsync(
            sync => SharedRooms.Events(sync, "join", room, "timeline").Any(entry =>
                entry.Text("type") == "m.room.member" && entry.Text("state_key") == Bob.UserId),
            "the knock does not arrive");
        (await Alice.PostAsync(
            $"/_matrix/client/v3/rooms/{Uri.EscapeDataString(room)}/invite",
            $$"""{"user_id":"{{Bob.UserId}}"}""")).Ok();
        await Bob.IsInvitedAsync(room);
        await Bob.JoinAsync(room);

        Assert.Equal(await Alice.StateAsync(room), await Bob.StateAsync(room));
    }

    /// <summary>The id of a room of version 12 names no server: nobody was told that the knock was taken back.</summary>
    [Theory]
    [InlineData("11")]
    [InlineData("12")]
    public async Task knock_is_taken_back(string version)
    {
        var room = await Alice.CreateRoomAsync(
            $$"""
            {"preset":"private_chat","room_version":"{{version}}","initial_state":[
                {"type":"m.room.join_rules","state_key":"","content":{"join_rule":"knock"} }]}
            """);
        (await Bob.PostAsync($"/_matrix/client/v3/knock/{Uri.EscapeDataString(room)}?via={ServerOf(Alice)}")).Ok();
        (await Bob.PostAsync($"/_matrix/client/v3/rooms/{Uri.EscapeDataString(room)}/leave")).Ok();

        await Alice.SeesAsync(
            sync => SharedRooms.Events(sync, "join", room, "timeline").Any(entry =>
                entry.Text("type") == "m.room.member"
                && entry.Text("state_key") == Bob.UserId
                && entry.GetProperty("content").Text("membership") == "leave"),
            "the knock is not taken back");
    }

    [Fact]
    public async Task leave_and_ban_reach_the_other_server()
    {
        var room = await Alice.CreateRoomAsync();
        await Bob.PostAsync($"/_matrix/client/v3/join/{Uri.EscapeDataString(room)}?via={ServerOf(Alice)}");
        (await Alice.PostAsync(
            $"/_matrix/client/v3/rooms/{Uri.EscapeDataString(room)}/ban",
            $$"""{"user_id":"{{Bob.UserId}}","reason":"no"}""")).Ok();
        // The ban may be there before the first sync, which shows rooms left only where it is asked to.
        await Bob.SeesAsync(
            sync => sync.ToString().Contains("\"leave\":{\"" + room, StringComparison.Ordinal)
                && sync.ToString().Contains("\"membership\":\"ban\"", StringComparison.Ordinal),
            "the ban does not arrive",
            """{"room":{"include_leave":true} }""");
        var again = await Bob.PostAsync(
            $"/_matrix/client/v3/join/{Uri.EscapeDataString(room)}?via={ServerOf(Alice)}");

        again.Refused(403, "M_FORBIDDEN");
    }

    [Fact]
    public async Task restricted_room_lets_in_who_is_in_the_other_room()
    {
        var club = await Alice.CreateRoomAsync();
        var room = await Alice.CreateRoomAsync(
            $$"""
            {"preset":"private_chat","initial_state":[{"type":"m.room.join_rules","state_key":"","content":
                {"join_rule":"restricted","allow":[{"type":"m.room_membership","room_id":"{{club}}" } ] } } ]}
            """);
        var via = ServerOf(Alice);
        var before = await Bob.PostAsync($"/_matrix/client/v3/join/{Uri.EscapeDataString(room)}?via={via}");
        (await Bob.PostAsync($"/_matrix/client/v3/join/{Uri.EscapeDataString(club)}?via={via}")).Ok();
        (await Bob.PostAsync($"/_matrix/client/v3/join/{Uri.EscapeDataString(room)}?via={via}")).Ok();

        before.Refused(403, "M_FORBIDDEN");
        Assert.Equal(await Alice.StateAsync(room), await Bob.StateAsync(room));
    }

    [Fact]
    public async Task forks_merge_into_one_state()
    {
        var room = await Alice.CreateRoomAsync();
        (await Bob.PostAsync($"/_matrix/client/v3/join/{Uri.EscapeDataString(room)}?via={ServerOf(Alice)}")).Ok();
        // Both send at once: neither has seen the other's event when it makes its own.
        var sent = await Task.WhenAll(
            Enumerable.Range(0, 10).SelectMany(number => new[]
            {
                Alice.SendTextAsync(room, $"a{number}"), Bob.SendTextAsync(room, $"b{number}"),
            }));
        await Alice.SetStateAsync(room, "m.room.topic", string.Empty, """{"topic":"one"}""");
        var last = await Alice.SendTextAsync(room, "after all");
        await Bob.SeesAsync(room, last);
        foreach (var eventId in sent)
        {
            await EventuallyThereAsync(Alice, room, eventId);
            await EventuallyThereAsync(Bob, room, eventId);
        }

        Assert.Equal(await Alice.StateAsync(room), await Bob.StateAsync(room));
    }

    [Fact]
    public async Task history_before_the_join_is_fetched()
    {
        var room = await Alice.CreateRoomAsync();
        var sent = new List<string>();
        for (var number = 0; number < 5; number++)
            sent.Add(await Alice.SendTextAsync(room, $"old {number}"));
        (await Bob.PostAsync($"/_matrix/client/v3/join/{Uri.EscapeDataString(room)}?via={ServerOf(Alice)}")).Ok();
        var page = (await Bob.GetAsync(
            $"/_matrix/client/v3/rooms/{Uri.EscapeDataString(room)}/messages?dir=b&limit=100")).Ok();
        var shown = page.GetProperty("chunk").EnumerateArray().Select(entry => entry.Text("event_id")).ToList();

        sent.Reverse();
        Assert.Equal(sent, shown.Where(sent.Contains));
        Assert.Equal("m.room.create", page.GetProperty("chunk").EnumerateArray().Last().Text("type"));
    }

    [Fact]
    public async Task a_moment_before_the_join_is_found()
    {
        var room = await Alice.CreateRoomAsync();
        var eventId = await Alice.SendTextAsync(room, "long ago");
        var path = $"/_matrix/client/v3/rooms/{Uri.EscapeDataString(room)}";
        var then = (await Alice.GetAsync($"{path}/event/{Uri.EscapeDataString(eventId)}")).Ok()
            .GetProperty("origin_server_ts").GetInt64();
        for (var number = 0; number < 3; number++)
            await Alice.SendTextAsync(room, $"later {number}");
        (await Bob.PostAsync($"/_matrix/client/v3/join/{Uri.EscapeDataString(room)}?via={ServerOf(Alice)}")).Ok();

        var there = (await Bob.GetAsync(
            $"/_matrix/client/v1/rooms/{Uri.EscapeDataString(room)}/timestamp_to_event?dir=b&ts={then}")).Ok();
        var context = await Bob.GetAsync($"{path}/context/{Uri.EscapeDataString(there.Text("event_id"))}");

        Assert.Equal(then, there.GetProperty("origin_server_ts").GetInt64());
        Assert.Equal(there.Text("event_id"), context.Ok().GetProperty("event").Text("event_id"));
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
}
