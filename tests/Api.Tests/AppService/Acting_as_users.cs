using Matrix.EventSourced.Kit.Hosting;

namespace Matrix.EventSourced.Api.Tests.AppService;

public sealed class Acting_as_users : IAsyncLifetime
{
    private BridgedServer _world = null!;

    private TestHomeserver Server => _world.Server;

    public async Task InitializeAsync() => _world = await BridgedServer.StartAsync();

    public Task DisposeAsync() => _world.DisposeAsync().AsTask();

    [Fact]
    public async Task the_service_has_a_user_of_its_own_without_registering_it()
    {
        var who = (await _world.Bot.GetAsync("account/whoami")).Ok();
        Assert.Equal("@_irc_bot:hs", who.Text("user_id"));
        Assert.False(who.TryGetProperty("device_id", out _));
        var room = await _world.Bot.CreateRoomAsync();
        await _world.Bot.SendTextAsync(room, "hello");
        await Server.RestartAsync();
        Assert.Equal("@_irc_bot:hs", (await _world.Bot.GetAsync("account/whoami")).Ok().Text("user_id"));
    }

    [Fact]
    public async Task only_registered_users_of_the_namespaces_can_be_acted_as()
    {
        await Server.RegisterAsync("alice");
        (await WhoAmIAsync("?user_id=@_irc_ghost:hs")).Refused(403, "M_FORBIDDEN");
        await _world.RegisterGhostAsync("_irc_ghost");
        Assert.Equal("@_irc_ghost:hs", (await WhoAmIAsync("?user_id=@_irc_ghost:hs")).Ok().Text("user_id"));
        (await WhoAmIAsync("?user_id=@alice:hs")).Refused(403, "M_FORBIDDEN");
        (await WhoAmIAsync("?user_id=@_irc_ghost:elsewhere")).Refused(403, "M_FORBIDDEN");
        (await WhoAmIAsync("?user_id=ghost")).Refused(400, "M_INVALID_PARAM");
        (await Server.SendAsync("GET", "account/whoami?user_id=@_irc_ghost:hs", "wrong")).Refused(401, "M_UNKNOWN_TOKEN");
    }

    [Fact]
    public async Task devices_are_made_without_a_login_and_named()
    {
        var ghost = await _world.RegisterGhostAsync("_irc_ghost");
        (await WhoAmIAsync("?user_id=@_irc_ghost:hs&device_id=DEV")).Refused(400, "M_UNKNOWN_DEVICE");
        Assert.Equal(201, (await ghost.SendAsync("PUT", "devices/DEV", """{"display_name":"bridge"}""")).Status);
        (await ghost.SendAsync("PUT", "devices/DEV", """{"display_name":"other"}""")).Ok();
        (await ghost.SendAsync("PUT", "devices/DEV", "{}")).Ok();
        Assert.Equal("other", (await ghost.SendAsync("GET", "devices/DEV")).Ok().Text("display_name"));
        Assert.Equal("DEV", (await WhoAmIAsync("?user_id=@_irc_ghost:hs&device_id=DEV")).Ok().Text("device_id"));
        (await WhoAmIAsync("?device_id=DEV")).Refused(400, "M_UNKNOWN_DEVICE");

        Assert.Equal(201, (await ghost.SendAsync("PUT", "devices/TWO", "{}")).Status);
        (await ghost.SendAsync("DELETE", "devices/DEV")).Ok();
        (await ghost.SendAsync("POST", "delete_devices", """{"devices":["TWO"]}""")).Ok();
        Assert.Empty((await ghost.SendAsync("GET", "devices")).Ok().GetProperty("devices").EnumerateArray());
    }

    [Fact]
    public async Task registering_keeps_to_the_namespaces_on_both_sides()
    {
        (await RegisterAsync(BridgedServer.AsToken, "alice")).Refused(400, "M_EXCLUSIVE");
        (await RegisterAsync("wrong", "_irc_ghost")).Refused(401, "M_UNKNOWN_TOKEN");
        (await RegisterAsync(null, "_irc_ghost")).Refused(401, "M_MISSING_TOKEN");
        (await Server.SendAsync("POST", "register", BridgedServer.AsToken, """{"type":"m.login.application_service"}"""))
            .Refused(400, "M_MISSING_PARAM");
        var alice = await Server.RegisterAsync("alice");
        (await RegisterAsync(alice.Token, "_irc_ghost")).Refused(401, "M_UNKNOWN_TOKEN");

        var session = (await RegisterAsync(BridgedServer.AsToken, "_irc_ghost")).Ok();
        Assert.NotEmpty(session.Text("access_token"));
        (await RegisterAsync(BridgedServer.AsToken, "_irc_ghost")).Refused(400, "M_USER_IN_USE");
        var quiet = (await RegisterAsync(BridgedServer.AsToken, "_irc_quiet", """,  "inhibit_login":true""")).Ok();
        Assert.False(quiet.TryGetProperty("access_token", out _));

        (await Server.SendAsync(
            "POST", "register", null, """{"username":"_irc_human","password":"p","auth":{"type":"m.login.dummy"}}"""))
            .Refused(400, "M_EXCLUSIVE");
        (await Server.SendAsync("GET", "register/available?username=_irc_human")).Refused(400, "M_EXCLUSIVE");
    }

    [Fact]
    public async Task logging_in_needs_no_password()
    {
        await _world.RegisterGhostAsync("_irc_ghost");
        var session = (await LogInAsync(BridgedServer.AsToken, "_irc_ghost")).Ok();
        Assert.Equal(
            "@_irc_ghost:hs", (await Server.SendAsync("GET", "account/whoami", session.Text("access_token"))).Ok().Text("user_id"));
        var alice = await Server.RegisterAsync("alice");
        (await LogInAsync(BridgedServer.AsToken, "alice")).Refused(400, "M_EXCLUSIVE");
        (await LogInAsync(BridgedServer.AsToken, "_irc_nobody")).Refused(403, "M_FORBIDDEN");
        (await LogInAsync(null, "_irc_ghost")).Refused(401, "M_MISSING_TOKEN");
        (await LogInAsync(alice.Token, "_irc_ghost")).Refused(401, "M_UNKNOWN_TOKEN");
        Assert.Contains("m.login.application_service", (await Server.SendAsync("GET", "login")).Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task the_time_of_events_and_state_can_be_said_and_nobody_else_can_say_it()
    {
        var ghost = await _world.RegisterGhostAsync("_irc_ghost");
        var room = (await ghost.SendAsync("POST", "createRoom", """{"preset":"public_chat"}""")).Ok().Text("room_id");
        var id = await ghost.SendTextAsync(room, "old", "t1", "?ts=1234567");
        Assert.Equal(1_234_567, await TimeOfAsync(ghost, room, id));
        var state = (await ghost.SendAsync("PUT", $"rooms/{room}/state/m.room.topic?ts=42", """{"topic":"t"}""")).Ok().Text("event_id");
        Assert.Equal(42, await TimeOfAsync(ghost, room, state));
        foreach (var bad in new[] { "-1", "soon", "9007199254740992", "1.5" })
        {
            (await ghost.SendAsync("PUT", $"rooms/{room}/send/m.room.message/t2?ts={bad}", """{"body":"x"}"""))
                .Refused(400, "M_INVALID_PARAM");
        }
        var alice = await Server.RegisterAsync("alice");
        await alice.JoinAsync(room);
        var own = (await alice.PutAsync($"rooms/{room}/send/m.room.message/t3?ts=42", """{"msgtype":"m.text","body":"now"}""")).Ok();
        Assert.NotEqual(42, await TimeOfAsync(ghost, room, own.Text("event_id")));
    }

    [Fact]
    public async Task aliases_of_its_namespaces_are_the_services_own()
    {
        var alice = await Server.RegisterAsync("alice");
        var room = await alice.CreateRoomAsync();
        var body = $$"""{"room_id":"{{room}}"}""";
        (await alice.PutAsync("directory/room/%23_irc_room:hs", body)).Refused(400, "M_EXCLUSIVE");
        (await alice.PostAsync("createRoom", """{"room_alias_name":"_irc_room"}""")).Refused(400, "M_EXCLUSIVE");
        (await _world.Bot.PutAsync("directory/room/%23room:hs", body)).Refused(400, "M_EXCLUSIVE");
        // The service need not be in the room.
        (await _world.Bot.PutAsync("directory/room/%23_irc_room:hs", body)).Ok();
        Assert.Equal(room, (await alice.GetAsync("directory/room/%23_irc_room:hs")).Ok().Text("room_id"));
        (await alice.DeleteAsync("directory/room/%23_irc_room:hs")).Refused(400, "M_EXCLUSIVE");
        (await _world.Bot.DeleteAsync("directory/room/%23_irc_room:hs")).Ok();
    }

    [Fact]
    public async Task users_without_a_device_can_sync_and_read()
    {
        var ghost = await _world.RegisterGhostAsync("_irc_ghost");
        var room = (await ghost.SendAsync("POST", "createRoom", """{"preset":"public_chat"}""")).Ok().Text("room_id");
        await ghost.SendTextAsync(room, "hello", "t1");
        var sync = (await ghost.SendAsync("GET", "sync")).Ok();
        Assert.True(sync.GetProperty("rooms").GetProperty("join").TryGetProperty(room, out _));
        (await ghost.SendAsync("GET", $"sync?since={sync.Text("next_batch")}")).Ok();
        Assert.NotEmpty((await ghost.SendAsync("GET", $"rooms/{room}/messages?dir=b")).Ok().GetProperty("chunk").EnumerateArray());
        (await ghost.SendAsync("POST", "pushers/set", """{"kind":"http","app_id":"a","pushkey":"k"}""")).Refused(400, "M_INVALID_PARAM");
        (await ghost.SendAsync("POST", "keys/upload", "{}")).Refused(400, "M_INVALID_PARAM");
        Assert.Equal(201, (await ghost.SendAsync("PUT", "devices/DEV", "{}")).Status);
        (await ghost.SendAsync("POST", "keys/upload?device_id=DEV", "{}")).Ok();
        (await ghost.SendAsync("PUT", $"profile/{ghost.UserId}/displayname", """{"displayname":"Ghost"}""")).Ok();
        (await ghost.SendAsync("PUT", $"rooms/{room}/typing/{ghost.UserId}", """{"typing":true}""")).Ok();
        (await ghost.SendAsync("POST", "logout", "{}")).Ok();
        (await ghost.SendAsync("GET", "account/whoami")).Ok();
    }

    [Fact]
    public async Task signing_keys_are_replaced_without_a_password()
    {
        var ghost = await _world.RegisterGhostAsync("_irc_ghost");
        foreach (var letter in "AB")
        {
            var key = new string(letter, 42) + "A";
            (await ghost.SendAsync(
                "POST",
                "keys/device_signing/upload",
                $$$"""
                {"master_key":{"user_id":"{{{ghost.UserId}}}","usage":["master"],"keys":{"ed25519:{{{key}}}":"{{{key}}}"} } }
                """)).Ok();
        }
    }

    [Theory]
    [InlineData("rate_limited: true", true)]
    [InlineData("rate_limited: false", false)]
    public async Task requests_are_counted_as_the_registration_says_and_those_of_its_own_user_never(
        string registration, bool isCounted)
    {
        await using var world = await BridgedServer.StartAsync(registration, isRateLimited: true, time: new());
        // Making users is not counted, whatever else is.
        var ghost = await world.RegisterGhostAsync("_irc_one");
        await world.RegisterGhostAsync("_irc_two");
        var answers = new List<int>();
        for (var n = 0; n < 3; n++)
        {
            answers.Add((await ghost.SendAsync("GET", "account/whoami")).Status);
            (await world.Bot.GetAsync("account/whoami")).Ok();
        }
        Assert.Equal(isCounted ? [200, 429, 429] : [200, 200, 200], answers);
    }

    [Fact]
    public async Task transactions_of_one_user_answer_the_same_again()
    {
        var ghost = await _world.RegisterGhostAsync("_irc_ghost");
        var room = (await ghost.SendAsync("POST", "createRoom", """{"preset":"public_chat"}""")).Ok().Text("room_id");
        var first = await ghost.SendTextAsync(room, "once", "t1");
        Assert.Equal(first, await ghost.SendTextAsync(room, "once", "t1"));
    }

    [Fact]
    public async Task users_of_the_bridge_are_found_in_the_directory()
    {
        var alice = await Server.RegisterAsync("alice");
        var room = await alice.CreateRoomAsync();
        var ghost = await _world.RegisterGhostAsync("_irc_ghost");
        await ghost.JoinAsync(room);
        var found = (await alice.PostAsync("user_directory/search", """{"search_term":"_irc_ghost"}""")).Ok();
        Assert.Equal(ghost.UserId, Assert.Single(found.GetProperty("results").EnumerateArray()).Text("user_id"));
    }

    private async Task<long> TimeOfAsync(Ghost ghost, string room, string id) =>
        (await ghost.SendAsync("GET", $"rooms/{room}/event/{id}")).Ok().GetProperty("origin_server_ts").GetInt64();

    private Task<Reply> WhoAmIAsync(string query) => Server.SendAsync("GET", "account/whoami" + query, BridgedServer.AsToken);

    private Task<Reply> RegisterAsync(string? token, string name, string more = "") => Server.SendAsync(
        "POST", "register", token, $$"""{"type":"m.login.application_service","username":"{{name}}"{{more}}}""");

    private Task<Reply> LogInAsync(string? token, string name) => Server.SendAsync(
        "POST",
        "login",
        token,
        $$"""{"type":"m.login.application_service","identifier":{"type":"m.id.user","user":"{{name}}"} }""");
}
