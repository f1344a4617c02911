using System.Text.Json;
using Matrix.EventSourced.Api.Tests.EduServer;
using Matrix.EventSourced.Kit.Hosting;

namespace Matrix.EventSourced.Api.Tests.Sync;

public sealed class Ignored_users
{
    [Fact]
    public async Task send_nothing_but_state()
    {
        await using var world = await EduWorld.StartAsync();
        await world.Alice.SendTextAsync(world.Room, "before");
        var token = EduWorld.Token(await world.Bob.SyncAsync());
        await IgnoreAsync(world.Bob, world.Alice);
        await world.Alice.SendTextAsync(world.Room, "lost");
        var name = await world.Alice.SetStateAsync(world.Room, "m.room.name", "", """{"name":"told"}""");
        var own = await world.Bob.SendTextAsync(world.Room, "mine");
        await world.TypeAsync(world.Alice, true);
        await world.ReadAsync(world.Alice, own);

        var sync = await world.Bob.SyncAsync(token);
        Assert.Equal([name, own], Timeline(sync, world.Room));
        Assert.DoesNotContain(world.Ephemeral(sync), edu => edu.Contains("@alice", StringComparison.Ordinal));
        var whole = await world.Bob.SyncAsync();
        Assert.DoesNotContain("m.room.message", Types(whole, world.Room));
        Assert.Contains(name, Timeline(whole, world.Room));
        // Nobody else ignores her.
        Assert.Contains("lost", (await world.Alice.SyncAsync()).GetRawText(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task do_not_end_long_polls_and_are_heard_again_once_they_are_not_ignored()
    {
        await using var world = await EduWorld.StartAsync();
        await IgnoreAsync(world.Bob, world.Alice);
        var token = EduWorld.Token(await world.Bob.SyncAsync());
        var poll = world.Bob.SyncAsync(token, timeoutMs: 30_000);
        await world.Alice.SendTextAsync(world.Room, "lost");
        (await world.Bob.PutAsync(Path(world.Bob), """{"ignored_users":{}}""")).Ok();
        var sync = await poll;
        Assert.Equal("m.ignored_user_list", Assert.Single(AccountData(sync)).Text("type"));

        var heard = await world.Alice.SendTextAsync(world.Room, "heard");
        sync = await world.Bob.SyncAsync(EduWorld.Token(sync));
        Assert.Equal([heard], Timeline(sync, world.Room));
    }

    [Fact]
    public async Task cannot_invite()
    {
        await using var world = await EduWorld.StartAsync();
        await IgnoreAsync(world.Bob, world.Alice);
        var token = EduWorld.Token(await world.Bob.SyncAsync());
        var room = await world.Alice.CreateRoomAsync($$"""{"invite":["{{world.Bob.UserId}}"]}""");
        Assert.Empty(Invites(await world.Bob.SyncAsync(token)));
        Assert.Empty(Invites(await world.Bob.SyncAsync()));
        (await world.Bob.PutAsync(Path(world.Bob), """{"ignored_users":"nobody"}""")).Ok();
        Assert.Equal([room], Invites(await world.Bob.SyncAsync()));
    }

    [Fact]
    public async Task are_never_the_user_themselves()
    {
        await using var world = await EduWorld.StartAsync();
        await IgnoreAsync(world.Bob, world.Bob);
        var token = EduWorld.Token(await world.Bob.SyncAsync());
        var own = await world.Bob.SendTextAsync(world.Room, "mine");
        Assert.Equal([own], Timeline(await world.Bob.SyncAsync(token), world.Room));
    }

    private static async Task IgnoreAsync(TestUser user, TestUser ignored) => (await user.PutAsync(
        Path(user), $$$""" {"ignored_users": {"{{{ignored.UserId}}}": {} } } """)).Ok();

    private static string Path(TestUser user) =>
        $"user/{Uri.EscapeDataString(user.UserId)}/account_data/m.ignored_user_list";

    private static IEnumerable<JsonElement> AccountData(JsonElement sync) =>
        sync.GetProperty("account_data").GetProperty("events").EnumerateArray();

    private static IEnumerable<JsonElement> Events(JsonElement sync, string room) => sync.GetProperty("rooms")
        .GetProperty("join").GetProperty(room).GetProperty("timeline").GetProperty("events").EnumerateArray();

    private static string[] Timeline(JsonElement sync, string room) =>
        [.. Events(sync, room).Select(one => one.Text("event_id"))];

    private static string[] Types(JsonElement sync, string room) => [.. Events(sync, room)
        .Where(one => one.Text("sender") == "@alice:hs").Select(one => one.Text("type"))];

    private static string[] Invites(JsonElement sync) =>
        [.. sync.GetProperty("rooms").GetProperty("invite").EnumerateObject().Select(room => room.Name)];
}
