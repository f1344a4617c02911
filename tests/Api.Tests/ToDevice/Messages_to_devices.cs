using System.Globalization;
using System.Text.Json;
using Matrix.EventSourced.Api.Tests.EduServer;
using Matrix.EventSourced.Kit.Hosting;

namespace Matrix.EventSourced.Api.Tests.ToDevice;

public sealed class Messages_to_devices
{
    [Fact]
    public async Task end_the_long_poll_of_their_device_and_of_no_other()
    {
        await using var world = await EduWorld.StartAsync();
        var other = await LoginAsync(world, "bob");
        var token = EduWorld.Token(await world.Bob.SyncAsync());
        var otherToken = EduWorld.Token(await other.SyncAsync());
        var poll = world.Bob.SyncAsync(token, timeoutMs: 30_000);
        (await SendAsync(world.Alice, "m.test", "t1", world.Bob, world.Bob.DeviceId, """{"n": 1}""")).Ok();

        Assert.Equal(["""{"type":"m.test","sender":"@alice:hs","content":{"n": 1}}"""], Messages(await poll));
        Assert.Empty(Messages(await other.SyncAsync(otherToken)));
        Assert.Empty(Messages(await other.SyncAsync()));
    }

    [Fact]
    public async Task for_all_devices_reach_those_that_there_are()
    {
        await using var world = await EduWorld.StartAsync();
        var second = await LoginAsync(world, "bob");
        (await SendAsync(world.Alice, "m.test", "t1", world.Bob, "*", """{"n":1}""")).Ok();
        var late = await LoginAsync(world, "bob");

        Assert.Equal([1], Numbers(await world.Bob.SyncAsync()));
        Assert.Equal([1], Numbers(await second.SyncAsync()));
        Assert.Empty(Numbers(await late.SyncAsync()));
    }

    [Fact]
    public async Task are_shown_until_the_device_says_that_it_has_them()
    {
        await using var world = await EduWorld.StartAsync();
        var before = EduWorld.Token(await world.Bob.SyncAsync());
        (await SendAsync(world.Alice, "m.test", "t1", world.Bob, "*", """{"n":1}""")).Ok();
        Assert.Equal([1], Numbers(await world.Bob.SyncAsync(before)));
        await world.Server.RestartAsync();
        Assert.Equal([1], Numbers(await world.Bob.SyncAsync(before)));
        var sync = await world.Bob.SyncAsync();
        Assert.Equal([1], Numbers(sync));

        (await SendAsync(world.Alice, "m.test", "t2", world.Bob, "*", """{"n":2}""")).Ok();
        sync = await world.Bob.SyncAsync(EduWorld.Token(sync));
        Assert.Equal([2], Numbers(sync));
        // The first one is gone, also for who begins anew, and after a replay.
        Assert.Equal([2], Numbers(await world.Bob.SyncAsync()));
        await world.Server.RestartWithoutDatabaseAsync();
        Assert.Equal([2], Numbers(await world.Bob.SyncAsync(before)));
        Assert.Empty(Numbers(await world.Bob.SyncAsync(EduWorld.Token(sync))));
        Assert.Empty(Numbers(await world.Bob.SyncAsync(before)));
    }

    [Fact]
    public async Task of_one_transaction_are_sent_once()
    {
        await using var world = await EduWorld.StartAsync();
        (await SendAsync(world.Alice, "m.test", "t1", world.Bob, "*", """{"n":1}""")).Ok();
        (await SendAsync(world.Alice, "m.test", "t1", world.Bob, "*", """{"n":1}""")).Ok();
        await world.Server.RestartWithoutDatabaseAsync();
        (await SendAsync(world.Alice, "m.test", "t1", world.Bob, "*", """{"n":1}""")).Ok();
        Assert.Equal([1], Numbers(await world.Bob.SyncAsync()));

        // Of another device, or to another path, it is another one.
        (await SendAsync(await LoginAsync(world, "alice"), "m.test", "t1", world.Bob, "*", """{"n":2}""")).Ok();
        (await SendAsync(world.Alice, "m.other", "t1", world.Bob, "*", """{"n":3}""")).Ok();
        Assert.Equal([1, 2, 3], Numbers(await world.Bob.SyncAsync()));
    }

    [Fact]
    public async Task are_told_a_hundred_at_a_time()
    {
        await using var world = await EduWorld.StartAsync();
        var token = EduWorld.Token(await world.Bob.SyncAsync());
        for (var n = 0; n < 103; n++)
        {
            var text = n.ToString(CultureInfo.InvariantCulture);
            (await SendAsync(world.Alice, "m.test", $"t{text}", world.Bob, "*", $$"""{"n":{{text}}}""")).Ok();
        }

        var first = await world.Bob.SyncAsync(token);
        Assert.Equal(Enumerable.Range(0, 100), Numbers(first));
        var second = await world.Bob.SyncAsync(EduWorld.Token(first), timeoutMs: 30_000);
        Assert.Equal(Enumerable.Range(100, 3), Numbers(second));
        Assert.Empty(Numbers(await world.Bob.SyncAsync(EduWorld.Token(second))));
        Assert.Empty(Numbers(await world.Bob.SyncAsync()));
    }

    [Fact]
    public async Task go_with_their_device()
    {
        await using var world = await EduWorld.StartAsync();
        var second = await LoginAsync(world, "bob", "PHONE");
        (await SendAsync(world.Alice, "m.test", "t1", world.Bob, "*", """{"n":1}""")).Ok();
        (await second.PostAsync("logout")).Ok();
        second = await LoginAsync(world, "bob", "PHONE");
        Assert.Empty(Numbers(await second.SyncAsync()));
        Assert.Equal([1], Numbers(await world.Bob.SyncAsync()));
    }

    [Fact]
    public async Task that_are_none_are_refused()
    {
        await using var world = await EduWorld.StartAsync();
        const string path = "sendToDevice/m.test/t1";
        (await world.Alice.PutAsync(path, "{}")).Refused(400, "M_MISSING_PARAM");
        (await world.Alice.PutAsync(path, """{"messages":[]}""")).Refused(400, "M_BAD_JSON");
        (await world.Alice.PutAsync(path, """{"messages":{"bob":{}}}""")).Refused(400, "M_INVALID_PARAM");
        (await world.Alice.PutAsync(path, """{"messages":{"@bob:hs":1}}""")).Refused(400, "M_BAD_JSON");
        (await world.Alice.PutAsync(path, """{"messages":{"@bob:hs":{"*":1}}}""")).Refused(400, "M_BAD_JSON");
        (await world.Alice.PutAsync(path, """{"messages":{"@bob:hs":{"*":{"x":1.5}}}}""")).Refused(400, "M_BAD_JSON");
        (await world.Alice.PutAsync(path, """{"messages":{"@bob:hs":{"":{}}}}""")).Refused(400, "M_INVALID_PARAM");
        (await world.Alice.PutAsync(path, """{"messages":{"@bob:hs":{"\u0000":{}}}}""")).Refused(400, "M_BAD_JSON");
        var large = new string('x', 70_000);
        (await SendAsync(world.Alice, "m.test", "t1", world.Bob, "*", $$"""{"x":"{{large}}"}""")).Refused(413, "M_TOO_LARGE");
        // Nobody there: nothing to do, and no mistake.
        (await world.Alice.PutAsync(path, """{"messages":{"@nobody:hs":{"*":{}},"@bob:hs":{"NONE":{}}}}""")).Ok();
        Assert.Empty(Messages(await world.Bob.SyncAsync()));
        (await world.Bob.GetAsync("sync?since=s1_2")).Refused(400, "M_INVALID_PARAM");
    }

    private static async Task<TestUser> LoginAsync(EduWorld world, string name, string? deviceId = null)
    {
        var device = deviceId is null ? string.Empty : $$""","device_id":"{{deviceId}}" """;
        var made = (await world.Server.SendAsync(
            "POST",
            "login",
            null,
            $$$"""
            {"type":"m.login.password","identifier":{"type":"m.id.user","user":"{{{name}}}"},"password":"secret"{{{device}}}}
            """)).Ok();
        return new TestUser(world.Server, made.Text("user_id"), made.Text("access_token"), made.Text("device_id"));
    }

    private static Task<Reply> SendAsync(
        TestUser from, string type, string transaction, TestUser to, string device, string content) => from.PutAsync(
            $"sendToDevice/{type}/{transaction}",
            $$$"""{"messages":{"{{{to.UserId}}}":{"{{{device}}}":{{{content}}} } } }""");

    private static string[] Messages(JsonElement sync) =>
        [.. sync.GetProperty("to_device").GetProperty("events").EnumerateArray().Select(message => message.ToString())];

    private static List<int> Numbers(JsonElement sync) =>
        [.. sync.GetProperty("to_device").GetProperty("events").EnumerateArray()
            .Select(message => message.GetProperty("content").GetProperty("n").GetInt32())];
}
