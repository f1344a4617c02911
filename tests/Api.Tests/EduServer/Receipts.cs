using System.Text.Json;
using Matrix.EventSourced.Kit.Hosting;

namespace Matrix.EventSourced.Api.Tests.EduServer;

public sealed class Receipts
{
    private const long StartMs = 1_767_225_600_000;

    [Fact]
    public async Task are_told_to_members_first_whole_and_then_as_they_change()
    {
        await using var world = await EduWorld.StartAsync();
        var first = await world.Alice.SendTextAsync(world.Room, "one");
        var second = await world.Alice.SendTextAsync(world.Room, "two");
        (await world.ReadAsync(world.Bob, first)).Ok();
        var sync = await world.Alice.SyncAsync();
        Assert.Equal([Receipt(first, "m.read", world.Bob)], world.Ephemeral(sync));

        var poll = world.Alice.SyncAsync(EduWorld.Token(sync), timeoutMs: 30_000);
        (await world.ReadAsync(world.Bob, second)).Ok();
        sync = await poll;
        Assert.Equal([Receipt(second, "m.read", world.Bob)], world.Ephemeral(sync));

        // Saying it again is no news.
        (await world.ReadAsync(world.Bob, second)).Ok();
        Assert.Empty(world.Ephemeral(await world.Alice.SyncAsync(EduWorld.Token(sync))));
        // One receipt per user and type, after a replay too.
        await world.Server.RestartWithoutDatabaseAsync();
        Assert.Equal([Receipt(second, "m.read", world.Bob)], world.Ephemeral(await world.Alice.SyncAsync()));
    }

    [Fact]
    public async Task that_are_private_are_seen_by_nobody_else()
    {
        await using var world = await EduWorld.StartAsync();
        var sent = await world.Alice.SendTextAsync(world.Room, "one");
        var aliceToken = EduWorld.Token(await world.Alice.SyncAsync());
        var bobToken = EduWorld.Token(await world.Bob.SyncAsync());
        var poll = world.Bob.SyncAsync(bobToken, timeoutMs: 30_000);
        (await world.ReadAsync(world.Bob, sent, "m.read.private")).Ok();

        Assert.Equal([Receipt(sent, "m.read.private", world.Bob)], world.Ephemeral(await poll));
        Assert.Empty(world.Ephemeral(await world.Alice.SyncAsync(aliceToken)));
        Assert.Empty(world.Ephemeral(await world.Alice.SyncAsync()));
        Assert.Equal([Receipt(sent, "m.read.private", world.Bob)], world.Ephemeral(await world.Bob.SyncAsync()));
    }

    [Fact]
    public async Task of_threads_stand_beside_each_other()
    {
        await using var world = await EduWorld.StartAsync();
        var root = await world.Alice.SendTextAsync(world.Room, "root");
        var reply = await world.Alice.SendAsync(world.Room, "m.room.message", $$$"""
            {"msgtype":"m.text","body":"r","m.relates_to":{"rel_type":"m.thread","event_id":"{{{root}}}"}}
            """);
        var reaction = await world.Alice.SendAsync(world.Room, "m.reaction", $$$"""
            {"m.relates_to":{"rel_type":"m.annotation","event_id":"{{{reply}}}","key":"+"}}
            """);
        (await world.ReadAsync(world.Bob, root, body: Thread("main"))).Ok();
        (await world.ReadAsync(world.Bob, root)).Ok();
        (await world.ReadAsync(world.Bob, root, body: Thread(root))).Ok();
        (await world.ReadAsync(world.Bob, reply, body: Thread(root))).Ok();
        (await world.ReadAsync(world.Bob, reaction, body: Thread(root))).Ok();

        var shown = world.Ephemeral(await world.Alice.SyncAsync());
        Assert.Equal(
            [Receipt(root, "m.read", world.Bob, "main"), Receipt(root, "m.read", world.Bob), Receipt(reaction, "m.read", world.Bob, root)],
            shown);

        (await world.ReadAsync(world.Bob, reply, body: Thread("main"))).Refused(400, "M_INVALID_PARAM");
        (await world.ReadAsync(world.Bob, reaction, body: Thread("main"))).Refused(400, "M_INVALID_PARAM");
        (await world.ReadAsync(world.Bob, reply, body: Thread(reaction))).Refused(400, "M_INVALID_PARAM");
        (await world.ReadAsync(world.Bob, root, body: Thread(""))).Refused(400, "M_INVALID_PARAM");
        (await world.ReadAsync(world.Bob, root, body: Thread("nonsense"))).Refused(400, "M_INVALID_PARAM");
        (await world.ReadAsync(world.Bob, root, body: """{"thread_id":1}""")).Refused(400, "M_INVALID_PARAM");
        (await world.ReadAsync(world.Bob, root, "m.fully_read", Thread("main"))).Refused(400, "M_INVALID_PARAM");
    }

    [Fact]
    public async Task are_for_members_and_for_events_of_the_room()
    {
        await using var world = await EduWorld.StartAsync();
        var carol = await world.Server.RegisterAsync("carol");
        var sent = await world.Alice.SendTextAsync(world.Room, "one");
        var elsewhere = await carol.SendTextAsync(await carol.CreateRoomAsync(), "two");
        (await world.ReadAsync(carol, sent)).Refused(403, "M_FORBIDDEN");
        (await world.ReadAsync(world.Bob, elsewhere)).Refused(400, "M_INVALID_PARAM");
        (await world.ReadAsync(world.Bob, "~local")).Refused(400, "M_INVALID_PARAM");
        (await world.ReadAsync(world.Bob, sent, "m.delivered")).Refused(400, "M_INVALID_PARAM");
    }

    [Fact]
    public async Task markers_are_account_data_that_only_the_server_writes()
    {
        await using var world = await EduWorld.StartAsync();
        var sent = await world.Alice.SendTextAsync(world.Room, "one");
        var token = EduWorld.Token(await world.Bob.SyncAsync());
        (await world.Bob.PostAsync(
            EduWorld.Path(world.Room, "read_markers"),
            $$"""{"m.fully_read":"{{sent}}","m.read":"{{sent}}","m.read.private":"{{sent}}"}""")).Ok();
        var room = (await world.Bob.SyncAsync(token)).GetProperty("rooms").GetProperty("join").GetProperty(world.Room);
        var data = Assert.Single(room.GetProperty("account_data").GetProperty("events").EnumerateArray());
        Assert.Equal("m.fully_read", data.Text("type"));
        Assert.Equal(sent, data.GetProperty("content").Text("event_id"));
        var receipts = Assert.Single(room.GetProperty("ephemeral").GetProperty("events").EnumerateArray());
        Assert.Equal(2, receipts.GetProperty("content").GetProperty(sent).EnumerateObject().Count());

        var next = await world.Alice.SendTextAsync(world.Room, "two");
        (await world.ReadAsync(world.Bob, next, "m.fully_read")).Ok();
        var path = $"user/{Uri.EscapeDataString(world.Bob.UserId)}/{EduWorld.Path(world.Room, "account_data/m.fully_read")}";
        Assert.Equal(next, (await world.Bob.GetAsync(path)).Ok().Text("event_id"));
        (await world.Bob.PutAsync(path, $$"""{"event_id":"{{sent}}"}""")).Refused(405, "M_BAD_JSON");
        (await world.Bob.PostAsync(EduWorld.Path(world.Room, "read_markers"), """{"m.read":"x"}"""))
            .Refused(400, "M_INVALID_PARAM");
    }

    private static string Thread(string id) => $$"""{"thread_id":"{{id}}"}""";

    private static string Receipt(string eventId, string type, TestUser user, string? thread = null)
    {
        var inside = thread is null ? $"\"ts\":{StartMs}" : $"\"ts\":{StartMs},\"thread_id\":\"{thread}\"";
        return "{\"type\":\"m.receipt\",\"content\":{\"" + eventId + "\":{\"" + type + "\":{\"" + user.UserId + "\":{" + inside + "}}}}}";
    }
}
