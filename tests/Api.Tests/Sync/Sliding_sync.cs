using System.Text.Json;
using Matrix.EventSourced.Kit.Hosting;

namespace Matrix.EventSourced.Api.Tests.Sync;

public sealed class Sliding_sync : IAsyncLifetime
{
    private const string All =
        """
        "lists":{"all":{"ranges":[[0,99]],"timeline_limit":10,"required_state":[["*","*"]]}}
        """;

    private TestHomeserver _server = null!;
    private TestUser _ada = null!;
    private TestUser _bob = null!;
    private SlidingClient _client = null!;

    public async Task InitializeAsync()
    {
        _server = await TestHomeserver.StartAsync(
            new TestHomeserverOptions { Configure = config => config with { PresenceEnabled = false } });
        _ada = await _server.RegisterAsync("ada");
        _bob = await _server.RegisterAsync("bob");
        _client = new SlidingClient(_ada, isOlder: true);
    }

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact]
    public async Task a_window_shows_the_most_active_rooms_and_then_only_news()
    {
        var rooms = new List<string>();
        for (var number = 0; number < 4; number++)
            rooms.Add(await _ada.CreateRoomAsync($$"""{"name":"room {{number}}"}"""));
        await _ada.SendTextAsync(rooms[0], "up");
        const string Window = """ "lists":{"top":{"ranges":[[0,1]],"timeline_limit":1,"required_state":[["m.room.create",""]]}}""";

        var first = await _client.AskAsync(Window);

        Assert.Equal(4, first.GetProperty("lists").GetProperty("top").GetProperty("count").GetInt32());
        Assert.Equal(Sorted(rooms[0], rooms[3]), RoomsOf(first));
        var room = first.GetProperty("rooms").GetProperty(rooms[0]);
        Assert.True(room.GetProperty("initial").GetBoolean());
        Assert.Equal("room 0", room.Text("name"));
        Assert.Equal("join", room.Text("membership"));
        Assert.Equal(["m.room.create"], TypesOf(room, "required_state"));
        Assert.Equal(["m.room.message"], TypesOf(room, "timeline"));
        Assert.True(room.GetProperty("limited").GetBoolean());
        Assert.Equal(0, room.GetProperty("num_live").GetInt32());
        Assert.Equal(1, room.GetProperty("joined_count").GetInt32());

        Assert.Empty(RoomsOf(await _client.AskAsync(Window)));
        await _ada.SendTextAsync(rooms[1], "a message");
        var second = await _client.AskAsync(Window);
        Assert.Equal([rooms[1]], RoomsOf(second));
        Assert.True(second.GetProperty("rooms").GetProperty(rooms[1]).GetProperty("initial").GetBoolean());
        Assert.Equal(1, second.GetProperty("rooms").GetProperty(rooms[1]).GetProperty("num_live").GetInt32());
        await _ada.SendTextAsync(rooms[1], "another");
        var third = (await _client.AskAsync(Window)).GetProperty("rooms").GetProperty(rooms[1]);
        Assert.False(third.TryGetProperty("initial", out _));
        Assert.False(third.TryGetProperty("name", out _));
        Assert.False(third.GetProperty("limited").GetBoolean());
        Assert.True(third.GetProperty("bump_stamp").GetInt64() > room.GetProperty("bump_stamp").GetInt64());
    }

    [Theory]
    [InlineData("leave", false)]
    [InlineData("leave", true)]
    [InlineData("kick", false)]
    [InlineData("kick", true)]
    public async Task who_was_banned_later_sees_no_state_of_after_they_left(string end, bool sawTheEnd)
    {
        var room = await _bob.CreateRoomAsync();
        await _ada.JoinAsync(room);
        await _bob.SetStateAsync(room, "m.room.topic", "", """{"topic":"theirs"}""");
        await _client.AskAsync(All);
        var about = $$"""{"user_id":"{{_ada.UserId}}"}""";
        (await (end == "leave" ? _ada : _bob).PostAsync($"rooms/{room}/{end}", about)).Ok();
        if (sawTheEnd)
            await _client.AskAsync(All);
        await _bob.SetStateAsync(room, "m.room.topic", "", """{"topic":"secret"}""");
        (await _bob.PostAsync($"rooms/{room}/ban", about)).Ok();

        foreach (var client in new[] { _client, new SlidingClient(_ada, isOlder: true, "new") })
            Assert.DoesNotContain("secret", (await client.AskAsync(All)).GetRawText(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task a_request_that_is_repeated_has_the_same_answer_and_older_ones_none(bool isOlder)
    {
        var all = isOlder ? All : """ "lists":{"all":{"timeline_limit":10,"required_state":{"include":[{}]}}}""";
        var client = new SlidingClient(_ada, isOlder);
        var room = await _ada.CreateRoomAsync();
        await client.AskAsync(all);
        var pos = client.Pos;
        await _ada.SendTextAsync(room, "one");

        var first = await client.AskAsync(all);
        client.Pos = pos;
        var again = await client.AskAsync(all);

        Assert.Equal(Events(first, room), Events(again, room));
        await client.AskAsync(all);
        client.Pos = pos;
        (await client.TryAsync(all)).Refused(400, "M_UNKNOWN_POS");
        client.Pos = "s1~elsewhere~1";
        (await client.TryAsync(all)).Refused(400, "M_UNKNOWN_POS");
        client.Pos = "nonsense";
        (await client.TryAsync(all)).Refused(400, "M_UNKNOWN_POS");
        client.Pos = null;
        Assert.Equal([room], RoomsOf(await client.AskAsync(all)));
    }

    [Fact]
    public async Task a_pos_is_the_users_own()
    {
        await _ada.CreateRoomAsync();
        await _client.AskAsync(All);

        (await new SlidingClient(_bob, isOlder: true) { Pos = _client.Pos }.TryAsync(All)).Refused(400, "M_UNKNOWN_POS");
    }

    [Fact]
    public async Task a_long_poll_ends_when_something_happens()
    {
        var room = await _ada.CreateRoomAsync();
        await _client.AskAsync(All);

        var poll = _client.AskAsync(All, timeoutMs: 60_000);
        var sent = await _ada.SendTextAsync(room, "now");

        Assert.Equal([sent], Events(await poll, room));
    }

    [Fact]
    public async Task a_longer_timeline_and_more_state_come_when_they_are_asked_for()
    {
        var room = await _ada.CreateRoomAsync("""{"name":"n","topic":"t"}""");
        for (var number = 0; number < 5; number++)
            await _ada.SendTextAsync(room, $"{number}");
        await _client.AskAsync("""
            "lists":{"all":{"ranges":[[0,9]],"timeline_limit":1,"required_state":[["m.room.name",""]]}}
            """);

        var answer = (await _client.AskAsync($$"""
            "lists":{"all":{"ranges":[[0,9]],"timeline_limit":1,"required_state":[["m.room.name",""]]} },
            "room_subscriptions":{"{{room}}":{"timeline_limit":4,"required_state":[["m.room.topic",""]]} }
            """)).GetProperty("rooms").GetProperty(room);

        Assert.Equal(4, answer.GetProperty("timeline").GetArrayLength());
        Assert.True(answer.GetProperty("unstable_expanded_timeline").GetBoolean());
        Assert.Equal(0, answer.GetProperty("num_live").GetInt32());
        Assert.Equal(["m.room.topic"], TypesOf(answer, "required_state"));
    }

    [Fact]
    public async Task state_follows_the_rules_and_says_what_is_lazy()
    {
        var room = await _ada.CreateRoomAsync();
        await _bob.JoinAsync(room);
        var carol = await _server.RegisterAsync("carol");
        await carol.JoinAsync(room);
        await _bob.SendTextAsync(room, "hi");
        const string Lazy =
            """
            "lists":{"all":{"ranges":[[0,9]],"timeline_limit":1,
                "required_state":[["m.room.member","$LAZY"],["m.room.member","$ME"],["m.room.topic",""]]}}
            """;

        var first = (await _client.AskAsync(Lazy)).GetProperty("rooms").GetProperty(room);
        Assert.Equal(Sorted(_ada.UserId, _bob.UserId), KeysOf(first, "m.room.member"));
        Assert.Equal(3, first.GetProperty("joined_count").GetInt32());
        await _bob.SendTextAsync(room, "again");
        var second = (await _client.AskAsync(Lazy)).GetProperty("rooms").GetProperty(room);
        Assert.Empty(KeysOf(second, "m.room.member"));
        await carol.SendTextAsync(room, "me too");
        await _ada.SetStateAsync(room, "m.room.topic", "", """{"topic":"t"}""");
        await _ada.SetStateAsync(room, "m.room.name", "", """{"name":"n"}""");
        var third = (await _client.AskAsync(Lazy.Replace("\"timeline_limit\":1", "\"timeline_limit\":9", StringComparison.Ordinal)))
            .GetProperty("rooms").GetProperty(room);
        Assert.Equal("n", third.Text("name"));
        Assert.Contains("m.room.topic", TypesOf(third, "required_state"));
        Assert.DoesNotContain("m.room.name", TypesOf(third, "required_state"));
        await _ada.SetStateAsync(room, "m.room.name", "", "{}");
        var fourth = (await _client.AskAsync(Lazy)).GetProperty("rooms").GetProperty(room);
        Assert.Equal(JsonValueKind.Null, fourth.GetProperty("name").ValueKind);
        Assert.Equal(2, fourth.GetProperty("heroes").GetArrayLength());
    }

    [Fact]
    public async Task invites_show_stripped_state_and_become_rooms()
    {
        var room = await _bob.CreateRoomAsync($$"""{"preset":"private_chat","name":"secret","invite":["{{_ada.UserId}}"]}""");

        var invite = (await _client.AskAsync(All)).GetProperty("rooms").GetProperty(room);
        Assert.Equal("invite", invite.Text("membership"));
        Assert.False(invite.TryGetProperty("timeline", out _));
        Assert.Contains("m.room.create", TypesOf(invite, "invite_state"));
        await _ada.JoinAsync(room);
        var joined = (await _client.AskAsync(All)).GetProperty("rooms").GetProperty(room);
        Assert.True(joined.GetProperty("initial").GetBoolean());
        Assert.Equal("secret", joined.Text("name"));

        (await _ada.PostAsync($"rooms/{Uri.EscapeDataString(room)}/leave")).Ok();
        await _bob.SendTextAsync(room, "she does not see this");
        var left = (await _client.AskAsync(All)).GetProperty("rooms").GetProperty(room);
        Assert.Equal("leave", left.Text("membership"));
        Assert.Equal(["m.room.member"], TypesOf(left, "timeline"));
        Assert.Empty(RoomsOf(await new SlidingClient(_ada, isOlder: true, "fresh").AskAsync(All)));
    }

    [Fact]
    public async Task who_was_put_out_of_a_room_is_told()
    {
        var room = await _bob.CreateRoomAsync();
        await _ada.JoinAsync(room);
        (await _bob.PostAsync($"rooms/{Uri.EscapeDataString(room)}/ban", $$"""{"user_id":"{{_ada.UserId}}"}""")).Ok();
        await _bob.SendTextAsync(room, "she does not see this");
        var outside = await _bob.CreateRoomAsync();
        (await _bob.PostAsync($"rooms/{Uri.EscapeDataString(outside)}/ban", $$"""{"user_id":"{{_ada.UserId}}"}""")).Ok();

        var answer = await _client.AskAsync(All);

        Assert.Equal([room], RoomsOf(answer));
        Assert.Equal("ban", answer.GetProperty("rooms").GetProperty(room).Text("membership"));
        Assert.DoesNotContain("m.room.message", TypesOf(answer.GetProperty("rooms").GetProperty(room), "timeline"));
    }

    [Fact]
    public async Task filters_choose_rooms()
    {
        var plain = await _ada.CreateRoomAsync();
        var space = await _ada.CreateRoomAsync("""{"creation_content":{"type":"m.space"}}""");
        var locked = await _ada.CreateRoomAsync(
            """{"initial_state":[{"type":"m.room.encryption","state_key":"","content":{"algorithm":"m.megolm.v1.aes-sha2"} }] }""");
        var direct = await _ada.CreateRoomAsync();
        var invited = await _bob.CreateRoomAsync($$"""{"invite":["{{_ada.UserId}}"],"creation_content":{"type":"m.space"} }""");
        await _ada.SetStateAsync(space, "m.space.child", locked, """{"via":["test"]}""");
        await _ada.SetStateAsync(space, "m.space.child", plain, "{}");
        (await _ada.PutAsync($"user/{_ada.UserId}/account_data/m.direct", $$"""{"{{_bob.UserId}}":["{{direct}}"]}""")).Ok();
        (await _ada.PutAsync($"user/{_ada.UserId}/rooms/{Uri.EscapeDataString(plain)}/tags/m.favourite", "{}")).Ok();

        await ExpectAsync("""{"is_dm":true}""", direct);
        await ExpectAsync("""{"is_encrypted":true}""", locked);
        await ExpectAsync("""{"is_invite":true}""", invited);
        await ExpectAsync("""{"room_types":["m.space"]}""", space, invited);
        await ExpectAsync("""{"room_types":[null],"is_invite":false}""", plain, locked, direct);
        await ExpectAsync("""{"not_room_types":["m.space"],"is_dm":false}""", plain, locked);
        await ExpectAsync("""{"tags":["m.favourite"]}""", plain);
        await ExpectAsync("""{"not_tags":["m.favourite"],"is_invite":false}""", space, locked, direct);
        await ExpectAsync($$"""{"spaces":["{{space}}","!unknown:test"]}""", locked);
        await ExpectAsync("{}", plain, space, locked, direct, invited);

        async Task ExpectAsync(string filter, params string[] rooms)
        {
            var answer = await new SlidingClient(_ada, isOlder: true, "filters").AskAsync(
                $$"""  "lists":{"l":{"ranges":[[0,99]],"timeline_limit":0,"required_state":[],"filters":{{filter}} } } """);
            Assert.Equal(Sorted(rooms), RoomsOf(answer));
            Assert.Equal(rooms.Length, answer.GetProperty("lists").GetProperty("l").GetProperty("count").GetInt32());
        }
    }

    [Fact]
    public async Task extensions_say_what_is_no_room()
    {
        var room = await _ada.CreateRoomAsync();
        await _bob.JoinAsync(room);
        var escaped = Uri.EscapeDataString(room);
        const string Extensions = All +
            """
            ,"extensions":{"typing":{"enabled":true},"receipts":{"enabled":true},"account_data":{"enabled":true},
                "to_device":{"enabled":true},"e2ee":{"enabled":true},"something.new":{"enabled":true}}
            """;
        var sent = await _ada.SendTextAsync(room, "hi");
        (await _ada.PutAsync($"user/{_ada.UserId}/account_data/m.mine", """{"a":1}""")).Ok();
        (await _ada.PutAsync($"user/{_ada.UserId}/rooms/{escaped}/account_data/m.ours", """{"b":1}""")).Ok();
        (await _bob.PostAsync($"rooms/{escaped}/receipt/m.read/{Uri.EscapeDataString(sent)}")).Ok();

        var first = (await _client.AskAsync(Extensions)).GetProperty("extensions");
        Assert.Contains("m.mine", TypesOf(first.GetProperty("account_data"), "global"));
        Assert.Contains("m.ours", TypesOf(first.GetProperty("account_data").GetProperty("rooms"), room));
        Assert.True(first.GetProperty("receipts").GetProperty("rooms").GetProperty(room).GetProperty("content")
            .GetProperty(sent).GetProperty("m.read").TryGetProperty(_bob.UserId, out _));

        (await _bob.PutAsync($"rooms/{escaped}/typing/{_bob.UserId}", """{"typing":true,"timeout":30000}""")).Ok();
        (await _bob.PutAsync("sendToDevice/m.test/1", $$$"""{"messages":{"{{{_ada.UserId}}}":{"*":{"n":1} } } }""")).Ok();
        var second = (await _client.AskAsync(Extensions, timeoutMs: 60_000)).GetProperty("extensions");
        Assert.Equal(
            _bob.UserId,
            second.GetProperty("typing").GetProperty("rooms").GetProperty(room).GetProperty("content")
                .GetProperty("user_ids")[0].GetString());
        Assert.Equal(["m.test"], TypesOf(second.GetProperty("to_device"), "events"));
        Assert.Empty(second.GetProperty("account_data").GetProperty("global").EnumerateArray());
        Assert.False(second.GetProperty("receipts").GetProperty("rooms").TryGetProperty(room, out _));

        var since = second.GetProperty("to_device").Text("next_batch");
        var third = (await _client.AskAsync(Extensions.Replace(
            "\"to_device\":{\"enabled\":true}",
            $"\"to_device\":{{\"enabled\":true,\"since\":\"{since}\"}}",
            StringComparison.Ordinal))).GetProperty("extensions");
        Assert.Empty(third.GetProperty("to_device").GetProperty("events").EnumerateArray());
    }

    [Fact]
    public async Task the_encryption_extension_says_whose_keys_changed()
    {
        var room = await _ada.CreateRoomAsync();
        await _bob.JoinAsync(room);
        const string Encryption = """ "extensions":{"e2ee":{"enabled":true},"to_device":{"enabled":true} } """;

        var first = (await _client.AskAsync(Encryption)).GetProperty("extensions").GetProperty("e2ee");
        Assert.False(first.TryGetProperty("device_lists", out _));
        Assert.Equal(JsonValueKind.Object, first.GetProperty("device_one_time_keys_count").ValueKind);
        (await _bob.PutAsync($"devices/{_bob.DeviceId}", """{"display_name":"new name"}""")).Ok();
        var second = (await _client.AskAsync(Encryption, timeoutMs: 60_000)).GetProperty("extensions").GetProperty("e2ee");

        Assert.Equal(
            [_bob.UserId],
            second.GetProperty("device_lists").GetProperty("changed").EnumerateArray().Select(user => user.GetString()!));
    }

    [Fact]
    public async Task a_pos_is_a_token_of_messages()
    {
        var room = await _ada.CreateRoomAsync();
        var sent = await _ada.SendTextAsync(room, "before");
        await _client.AskAsync(All);
        await _ada.SendTextAsync(room, "after");

        var page = (await _ada.GetAsync(
            $"rooms/{Uri.EscapeDataString(room)}/messages?dir=b&limit=1&from={Uri.EscapeDataString(_client.Pos!)}")).Ok();

        Assert.Equal(sent, page.GetProperty("chunk")[0].Text("event_id"));
    }

    [Theory]
    [InlineData("""  "lists":[] """)]
    [InlineData("""  "lists":{"a":7} """)]
    [InlineData("""  "lists":{"a":{"ranges":[[2,1]]} } """)]
    [InlineData("""  "lists":{"a":{"ranges":[[0.5,1]]} } """)]
    [InlineData("""  "lists":{"a":{"ranges":[[-1,1]]} } """)]
    [InlineData("""  "lists":{"a":{"timeline_limit":-1} } """)]
    [InlineData("""  "lists":{"a":{"timeline_limit":"x"} } """)]
    [InlineData("""  "lists":{"a":{"required_state":[["m.room.name"]]} } """)]
    [InlineData("""  "lists":{"a":{"filters":{"is_dm":"yes"} } } """)]
    [InlineData("""  "lists":{"a":{"filters":{"tags":[null]} } } """)]
    [InlineData("""  "room_subscriptions":{"!a:b":[]} """)]
    [InlineData("""  "extensions":{"to_device":{"enabled":true,"since":"x"} } """)]
    [InlineData("""  "extensions":{"typing":{"enabled":1} } """)]
    public async Task bad_input_is_refused(string members)
    {
        (await _client.TryAsync(members)).Refused(400, "M_INVALID_PARAM");
        Assert.Null(_client.Pos);
    }

    private static string[] Sorted(params string[] values) => [.. values.Order(StringComparer.Ordinal)];

    private static string[] RoomsOf(JsonElement answer) =>
        [.. answer.GetProperty("rooms").EnumerateObject().Select(room => room.Name).Order(StringComparer.Ordinal)];

    private static string[] Events(JsonElement answer, string room) => [.. answer.GetProperty("rooms").GetProperty(room)
        .GetProperty("timeline").EnumerateArray().Select(stored => stored.Text("event_id"))];

    private static string[] TypesOf(JsonElement owner, string array) =>
        [.. owner.GetProperty(array).EnumerateArray().Select(stored => stored.Text("type"))];

    private static string[] KeysOf(JsonElement room, string type) => room.TryGetProperty("required_state", out var state)
        ? [.. state.EnumerateArray().Where(stored => stored.Text("type") == type)
            .Select(stored => stored.Text("state_key")).Order(StringComparer.Ordinal)]
        : [];
}
