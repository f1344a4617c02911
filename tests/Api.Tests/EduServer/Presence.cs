using System.Text.Json;
using Matrix.EventSourced.Kit.Hosting;

namespace Matrix.EventSourced.Api.Tests.EduServer;

public sealed class Presence
{
    [Fact]
    public async Task of_who_shares_a_room_is_told_in_syncs()
    {
        await using var world = await EduWorld.StartAsync(hasPresence: true);
        var carol = await world.Server.RegisterAsync("carol");
        var token = EduWorld.Token(await QuietSyncAsync(world.Bob));
        var carolToken = EduWorld.Token(await QuietSyncAsync(carol));
        var poll = QuietSyncAsync(world.Bob, token, timeoutMs: 30_000);
        (await SetAsync(world.Alice, "unavailable", "at lunch")).Ok();

        var sync = await poll;
        Assert.Equal(["@alice:hs unavailable False at lunch"], Shown(sync));
        Assert.Empty(Shown(await QuietSyncAsync(world.Bob, EduWorld.Token(sync))));
        Assert.Equal(["@alice:hs unavailable False at lunch"], Shown(await QuietSyncAsync(world.Bob)));
        Assert.Empty(Shown(await QuietSyncAsync(carol, carolToken)));
        Assert.Empty(Shown(await QuietSyncAsync(carol)));

        // Who comes into the room learns how those are who sat there before.
        await carol.JoinAsync(world.Room);
        Assert.Equal(["@alice:hs unavailable False at lunch"], Shown(await QuietSyncAsync(carol, carolToken)));
    }

    [Fact]
    public async Task is_idle_after_five_minutes_and_wakes_with_an_activity()
    {
        await using var world = await EduWorld.StartAsync(hasPresence: true);
        var token = EduWorld.Token(await QuietSyncAsync(world.Bob));
        (await SetAsync(world.Alice, "online")).Ok();
        token = await NextAsync(world, token, "@alice:hs online True ");
        world.Time.Advance(TimeSpan.FromSeconds(61));
        token = await NextAsync(world, token, "@alice:hs online False ");
        await world.Alice.SendTextAsync(world.Room, "back");
        token = await NextAsync(world, token, "@alice:hs online True ");
        world.Time.Advance(TimeSpan.FromMinutes(1));
        token = await NextAsync(world, token, "@alice:hs online False ");
        world.Time.Advance(TimeSpan.FromMinutes(4));
        token = await NextAsync(world, token, "@alice:hs unavailable False ");
        await world.Alice.SendTextAsync(world.Room, "still here");
        await NextAsync(world, token, "@alice:hs online True ");
        var status = (await world.Bob.GetAsync(PathOf(world.Alice))).Ok();
        Assert.Equal(0, status.GetProperty("last_active_ago").GetInt64());
    }

    [Fact]
    public async Task ends_half_a_minute_after_the_last_sync()
    {
        await using var world = await EduWorld.StartAsync(hasPresence: true);
        var token = EduWorld.Token(await QuietSyncAsync(world.Bob));
        await world.Alice.SyncAsync();
        token = await NextAsync(world, token, "@alice:hs online True ");
        world.Time.Advance(TimeSpan.FromSeconds(31));
        await NextAsync(world, token, "@alice:hs offline False ");
    }

    [Fact]
    public async Task of_who_was_there_before_a_restart_ends_when_they_do_not_come_back()
    {
        await using var world = await EduWorld.StartAsync(hasPresence: true);
        await world.Alice.SyncAsync();
        var token = EduWorld.Token(await QuietSyncAsync(world.Bob));
        await world.Server.RestartWithoutDatabaseAsync();
        world.Time.Advance(TimeSpan.FromSeconds(31));
        await NextAsync(world, token, "@alice:hs offline False ");
    }

    [Fact]
    public async Task of_clients_that_say_so_is_unavailable_or_says_nothing()
    {
        await using var world = await EduWorld.StartAsync(hasPresence: true);
        var token = EduWorld.Token(await QuietSyncAsync(world.Bob));
        (await world.Alice.GetAsync("sync?set_presence=unavailable")).Ok();
        token = await NextAsync(world, token, "@alice:hs unavailable False ");
        // A client that was idle and is not any more.
        (await world.Alice.GetAsync("sync?set_presence=online")).Ok();
        await NextAsync(world, token, "@alice:hs online True ");
        (await world.Alice.GetAsync("sync?set_presence=asleep")).Refused(400, "M_INVALID_PARAM");
        Assert.Equal("offline", (await world.Alice.GetAsync(PathOf(world.Bob))).Ok().Text("presence"));
    }

    [Fact]
    public async Task is_read_by_who_shares_a_room_and_set_by_oneself()
    {
        await using var world = await EduWorld.StartAsync(hasPresence: true);
        var carol = await world.Server.RegisterAsync("carol");
        (await SetAsync(world.Alice, "online", "here")).Ok();
        world.Time.Advance(TimeSpan.FromSeconds(5));
        var status = (await world.Bob.GetAsync(PathOf(world.Alice))).Ok();
        Assert.Equal(
            """{"presence":"online","last_active_ago":5000,"currently_active":true,"status_msg":"here"}""", status.GetRawText());
        (await carol.GetAsync(PathOf(world.Alice))).Refused(403, "M_FORBIDDEN");
        (await carol.GetAsync("presence/nobody/status")).Refused(400, "M_INVALID_PARAM");
        (await world.Bob.PutAsync(PathOf(world.Alice), """{"presence":"online"}""")).Refused(403, "M_FORBIDDEN");
        (await world.Bob.PutAsync(PathOf(world.Bob), "{}")).Refused(400, "M_MISSING_PARAM");
        (await world.Bob.PutAsync(PathOf(world.Bob), """{"presence":"away"}""")).Refused(400, "M_INVALID_PARAM");
        (await world.Bob.PutAsync(PathOf(world.Bob), """{"presence":"online","status_msg":1}""")).Refused(400, "M_BAD_JSON");
        (await SetAsync(world.Bob, "online", new string('x', 2_000))).Refused(413, "M_TOO_LARGE");
        // A status message that is not given is gone.
        (await SetAsync(world.Alice, "online")).Ok();
        Assert.False((await world.Bob.GetAsync(PathOf(world.Alice))).Ok().TryGetProperty("status_msg", out _));
    }

    [Fact]
    public async Task may_be_filtered()
    {
        await using var world = await EduWorld.StartAsync(hasPresence: true);
        (await SetAsync(world.Alice, "online")).Ok();
        Assert.Empty(Shown(await QuietSyncAsync(world.Bob, filter: """{"presence":{"not_types":["m.*"]}}""")));
        Assert.Empty(Shown(await QuietSyncAsync(world.Bob, filter: """{"presence":{"not_senders":["@alice:hs"]}}""")));
        Assert.Single(Shown(await QuietSyncAsync(world.Bob, filter: """{"presence":{"senders":["@alice:hs"]}}""")));
    }

    [Fact]
    public async Task that_is_switched_off_leaves_nobody_online()
    {
        var isOn = true;
        await using var server = await TestHomeserver.StartAsync(new TestHomeserverOptions
        {
            IsLogInMemory = true,
            Configure = config => config with { PresenceEnabled = isOn },
        });
        var alice = await server.RegisterAsync("alice");
        (await SetAsync(alice, "online")).Ok();
        isOn = false;
        await server.RestartAsync();
        Assert.Equal("offline", (await alice.GetAsync(PathOf(alice))).Ok().Text("presence"));
        (await SetAsync(alice, "online")).Ok();
        Assert.Empty(Shown(await alice.SyncAsync()));
        isOn = true;
        await server.RestartAsync();
        Assert.Equal("offline", (await alice.GetAsync(PathOf(alice))).Ok().Text("presence"));
    }

    /// <summary>A sync that says nothing about the one who syncs.</summary>
    private static async Task<JsonElement> QuietSyncAsync(
        TestUser user, string? since = null, int timeoutMs = 0, string? filter = null)
    {
        var path = $"sync?set_presence=offline&timeout={timeoutMs}";
        path += since is null ? "" : $"&since={since}";
        path += filter is null ? "" : $"&filter={Uri.EscapeDataString(filter)}";
        return (await user.GetAsync(path)).Ok();
    }

    private static Task<Reply> SetAsync(TestUser user, string presence, string? statusMsg = null) =>
        user.PutAsync(
            PathOf(user),
            $$"""{"presence":"{{presence}}"{{(statusMsg is null ? "" : $",\"status_msg\":\"{statusMsg}\"")}}}""");

    private static string PathOf(TestUser user) => $"presence/{Uri.EscapeDataString(user.UserId)}/status";

    /// <summary>Polls until bob hears of somebody's presence, and holds what it is.</summary>
    private static async Task<string> NextAsync(EduWorld world, string token, string expected)
    {
        while (true)
        {
            var sync = await QuietSyncAsync(world.Bob, token, timeoutMs: 120_000);
            token = EduWorld.Token(sync);
            var shown = Shown(sync);
            if (shown.Length == 0)
                continue;
            Assert.Equal([expected], shown);
            return token;
        }
    }

    private static string[] Shown(JsonElement sync) =>
        [.. sync.GetProperty("presence").GetProperty("events").EnumerateArray().Select(Describe)];

    private static string Describe(JsonElement presence)
    {
        var content = presence.GetProperty("content");
        var statusMsg = content.TryGetProperty("status_msg", out var text) ? text.GetString() : "";
        return $"{presence.Text("sender")} {content.Text("presence")} {content.GetProperty("currently_active")} {statusMsg}";
    }
}
