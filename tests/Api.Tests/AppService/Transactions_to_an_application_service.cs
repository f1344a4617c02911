using System.Text.Json;
using Matrix.EventSourced.Kit.Hosting;

namespace Matrix.EventSourced.Api.Tests.AppService;

public sealed class Transactions_to_an_application_service
{
    [Fact]
    public async Task hold_the_events_of_its_rooms_in_order_as_clients_see_them()
    {
        await using var world = await BridgedServer.StartAsync();
        var alice = await world.Server.RegisterAsync("alice");
        var room = await alice.CreateRoomAsync();
        await alice.SendTextAsync(room, "before anybody bridged it");
        var ghost = await world.RegisterGhostAsync("_irc_ghost");
        await ghost.JoinAsync(room);
        var ids = new List<string>();
        for (var n = 0; n < 5; n++)
            ids.Add(await alice.SendTextAsync(room, $"message {n}"));

        var events = new List<JsonElement>();
        while (events.Count < 6)
        {
            var transaction = await world.Service.NextTransactionAsync();
            Assert.Equal("PUT", transaction.Method);
            Assert.StartsWith("/_matrix/app/v1/transactions/", transaction.Path, StringComparison.Ordinal);
            Assert.Equal($"Bearer {BridgedServer.HsToken}", transaction.Authorization);
            Assert.Equal("", transaction.Query);
            events.AddRange(transaction.Json.GetProperty("events").EnumerateArray());
        }
        Assert.Equal("m.room.member", events[0].Text("type"));
        Assert.Equal(ids, events[1..].Select(one => one.Text("event_id")));
        var first = events[1];
        Assert.Equal(room, first.Text("room_id"));
        Assert.Equal(alice.UserId, first.Text("sender"));
        Assert.Equal("message 0", first.GetProperty("content").Text("body"));
        Assert.True(first.GetProperty("unsigned").GetProperty("age").GetInt64() >= 0);
        Assert.False(first.TryGetProperty("auth_events", out _));
    }

    [Fact]
    public async Task say_what_state_replaced_and_who_was_invited_to_what()
    {
        await using var world = await BridgedServer.StartAsync();
        var alice = await world.Server.RegisterAsync("alice");
        await world.RegisterGhostAsync("_irc_ghost");
        var room = await alice.CreateRoomAsync("""{"preset":"public_chat","name":"one"}""");
        (await alice.PostAsync($"rooms/{room}/invite", """{"user_id":"@_irc_ghost:hs"}""")).Ok();
        var invite = await world.Service.NextEventAsync(IsMember("@_irc_ghost:hs"));
        Assert.Equal("invite", invite.GetProperty("content").Text("membership"));
        Assert.Contains(
            invite.GetProperty("unsigned").GetProperty("invite_room_state").EnumerateArray(),
            state => state.Text("type") == "m.room.name");

        await new Ghost(world.Server, "@_irc_ghost:hs").JoinAsync(room);
        var join = await world.Service.NextEventAsync(IsMember("@_irc_ghost:hs"));
        Assert.Equal("invite", join.GetProperty("unsigned").GetProperty("prev_content").Text("membership"));
        await alice.SetStateAsync(room, "m.room.name", "", """{"name":"two"}""");
        var named = await world.Service.NextEventAsync(one => one.Text("type") == "m.room.name");
        Assert.Equal("one", named.GetProperty("unsigned").GetProperty("prev_content").Text("name"));
    }

    [Fact]
    public async Task that_failed_come_again_byte_for_byte_and_nothing_is_skipped()
    {
        await using var world = await BridgedServer.StartAsync();
        var alice = await world.Server.RegisterAsync("alice");
        var room = await BridgedRoomAsync(world, alice);
        var isAway = true;
        world.Service.Answer = _ => Task.FromResult<(int, string)?>(isAway ? (503, "{}") : null);
        var firstId = await alice.SendTextAsync(room, "while it is away");
        var failed = await world.Service.NextTransactionAsync();
        var laterId = await alice.SendTextAsync(room, "later");
        var again = await world.Service.NextTransactionAsync();
        Assert.Equal((failed.Path, failed.Body), (again.Path, again.Body));

        // The same after a crash, and by tables that were made again.
        await world.Server.StopAsync();
        while (world.Service.TryTake() is not null)
        {
        }
        await world.Server.RestartWithoutDatabaseAsync();
        isAway = false;
        // The bridge shows that it is there, so that nobody waits for the clock.
        (await world.Bot.GetAsync("account/whoami")).Ok();
        var retried = await world.Service.NextTransactionAsync();
        while (retried.Path == failed.Path && retried.Body == failed.Body && world.Service.TryTake() is { } next)
            retried = next;
        var events = new List<string>();
        Assert.Equal(failed.Path, retried.Path);
        Assert.Equal(failed.Body, retried.Body);
        events.AddRange(IdsOf(retried));
        while (!events.Contains(laterId))
            events.AddRange(IdsOf(await world.Service.NextTransactionAsync()));
        Assert.Equal([firstId, laterId], events);
    }

    [Fact]
    public async Task that_were_taken_never_come_again_whatever_is_replayed()
    {
        await using var world = await BridgedServer.StartAsync();
        var alice = await world.Server.RegisterAsync("alice");
        var room = await BridgedRoomAsync(world, alice);
        var taken = await alice.SendTextAsync(room, "taken");
        await world.Service.NextEventAsync(one => one.Text("event_id") == taken);
        await BridgedServer.AllIsDeliveredAsync(world.Server);
        await world.Server.RestartWithoutDatabaseAsync();
        var next = await alice.SendTextAsync(room, "next");
        var transaction = await world.Service.NextTransactionAsync();
        Assert.Equal([next], IdsOf(transaction));
    }

    [Fact]
    public async Task go_by_the_older_path_where_the_service_knows_no_other()
    {
        await using var world = await BridgedServer.StartAsync();
        world.Service.Answer = request => Task.FromResult<(int, string)?>(
            request.Path.StartsWith("/_matrix/app/v1/", StringComparison.Ordinal) ? (404, "{}") : null);
        var alice = await world.Server.RegisterAsync("alice");
        var room = await BridgedRoomAsync(world, alice, isHeard: false);
        var id = await alice.SendTextAsync(room, "old");
        ReceivedRequest transaction;
        do
            transaction = await world.Service.NextTransactionAsync();
        while (!transaction.Path.StartsWith("/transactions/", StringComparison.Ordinal) || !IdsOf(transaction).Contains(id));
        Assert.Equal($"Bearer {BridgedServer.HsToken}", transaction.Authorization);
        Assert.Equal($"?access_token={BridgedServer.HsToken}", transaction.Query);
    }

    [Fact]
    public async Task hold_what_is_ephemeral_where_the_service_wants_it()
    {
        await using var world = await BridgedServer.StartAsync("receive_ephemeral: true");
        var alice = await world.Server.RegisterAsync("alice");
        var room = await BridgedRoomAsync(world, alice);
        var id = await alice.SendTextAsync(room, "read me");
        (await alice.PutAsync($"rooms/{room}/typing/{alice.UserId}", """{"typing":true,"timeout":30000}""")).Ok();
        var typing = await world.Service.NextEventAsync(one => one.Text("type") == "m.typing", "ephemeral");
        Assert.Equal(room, typing.Text("room_id"));
        Assert.Equal([alice.UserId], typing.GetProperty("content").GetProperty("user_ids").EnumerateArray().Select(user => user.GetString()));

        (await alice.PostAsync($"rooms/{room}/receipt/m.read.private/{id}")).Ok();
        (await alice.PostAsync($"rooms/{room}/receipt/m.read/{id}")).Ok();
        var receipt = await world.Service.NextEventAsync(one => one.Text("type") == "m.receipt", "ephemeral");
        Assert.Equal(room, receipt.Text("room_id"));
        // The private one came first, and not here.
        Assert.True(receipt.GetProperty("content").GetProperty(id).GetProperty("m.read").TryGetProperty(alice.UserId, out _));

        (await alice.PutAsync($"presence/{alice.UserId}/status", """{"presence":"unavailable","status_msg":"tea"}""")).Ok();
        var presence = await world.Service.NextEventAsync(
            one => one.Text("type") == "m.presence" && one.GetProperty("content").TryGetProperty("status_msg", out _), "ephemeral");
        Assert.Equal(alice.UserId, presence.Text("sender"));
        Assert.Equal("tea", presence.GetProperty("content").Text("status_msg"));
    }

    [Fact]
    public async Task do_not_go_to_a_service_without_an_address()
    {
        await using var world = await BridgedServer.StartAsync(url: "null");
        var alice = await world.Server.RegisterAsync("alice");
        var room = await BridgedRoomAsync(world, alice, isHeard: false);
        await alice.SendTextAsync(room, "heard by nobody");
        await world.Server.StopAsync();
        Assert.Null(world.Service.TryTake());
    }

    private static async Task<string> BridgedRoomAsync(BridgedServer world, TestUser alice, bool isHeard = true)
    {
        var room = await alice.CreateRoomAsync();
        var ghost = await world.RegisterGhostAsync("_irc_ghost");
        await ghost.JoinAsync(room);
        if (isHeard)
            await world.Service.NextEventAsync(IsMember(ghost.UserId));
        return room;
    }

    private static Func<JsonElement, bool> IsMember(string user) => one =>
        one.Text("type") == "m.room.member" && one.Text("state_key") == user;

    private static IEnumerable<string> IdsOf(ReceivedRequest transaction) =>
        transaction.Json.GetProperty("events").EnumerateArray().Select(one => one.Text("event_id"));
}
