using System.Text.Json;
using Matrix.EventSourced.Api.Tests.EduServer;
using Matrix.EventSourced.Kit.Hosting;

namespace Matrix.EventSourced.Api.Tests.KeyServer;

public sealed class Device_lists_in_sync
{
    [Fact]
    public async Task tell_of_new_keys_names_and_devices_and_end_long_polls()
    {
        await using var world = await EduWorld.StartAsync();
        var (alice, bob) = (world.Alice, world.Bob);
        var first = await bob.SyncAsync();
        Assert.False(first.TryGetProperty("device_lists", out _));
        var token = KeyClient.Token(first);

        async Task IsToldAsync(Func<Task> change)
        {
            var poll = bob.SyncAsync(token, timeoutMs: 30_000);
            await change();
            var sync = await poll;
            Assert.Equal([alice.UserId], KeyClient.Changed(sync));
            Assert.Empty(KeyClient.Left(sync));
            var (before, after) = (token, KeyClient.Token(sync));
            // Both logins and deletions write twice; whoever reads after the last sees it once.
            sync = await bob.SyncAsync(after);
            Assert.All(KeyClient.Changed(sync), user => Assert.Equal(alice.UserId, user));
            token = KeyClient.Token(sync);
            Assert.Equal([alice.UserId], await ChangesAsync(bob, before, token));
            Assert.Empty(await ChangesAsync(bob, token, token));
        }

        await IsToldAsync(() => alice.UploadAsync(1));
        await IsToldAsync(async () =>
            (await alice.PutAsync($"devices/{alice.DeviceId}", """{"display_name":"Phone"}""")).Ok());
        TestUser? tablet = null;
        await IsToldAsync(async () => tablet = await KeyClient.LoginAsync(world.Server, "alice"));
        await IsToldAsync(async () => (await tablet!.PostAsync("logout")).Ok());
        // The same keys again, and one-time keys, are no news.
        await alice.UploadAsync(1, "a:1");
        Assert.Empty(KeyClient.Changed(await bob.SyncAsync(token)));
    }

    [Fact]
    public async Task tell_a_user_of_their_own_devices()
    {
        await using var world = await EduWorld.StartAsync();
        var token = KeyClient.Token(await world.Alice.SyncAsync());
        var poll = world.Alice.SyncAsync(token, timeoutMs: 30_000);
        var tablet = await KeyClient.LoginAsync(world.Server, "alice");
        Assert.Equal([world.Alice.UserId], KeyClient.Changed(await poll));
        await tablet.UploadAsync(2);
        Assert.Equal([world.Alice.UserId], KeyClient.Changed(await world.Alice.SyncAsync(token)));
    }

    [Fact]
    public async Task do_not_tell_of_strangers()
    {
        await using var world = await EduWorld.StartAsync();
        var carol = await world.Server.RegisterAsync("carol");
        await carol.CreateRoomAsync();
        var token = KeyClient.Token(await world.Bob.SyncAsync());
        await carol.UploadAsync(1);
        Assert.Empty(KeyClient.Changed(await world.Bob.SyncAsync(token)));
    }

    [Fact]
    public async Task tell_of_who_begins_and_who_ceases_to_share_a_room()
    {
        await using var world = await EduWorld.StartAsync();
        var bob = world.Bob;
        var carol = await world.Server.RegisterAsync("carol");
        await carol.UploadAsync(1);
        var token = KeyClient.Token(await bob.SyncAsync());
        await carol.JoinAsync(world.Room);
        var sync = await bob.SyncAsync(token);
        Assert.Equal([carol.UserId], KeyClient.Changed(sync));

        // A second room makes no difference when one is left.
        var other = await carol.CreateRoomAsync();
        await bob.JoinAsync(other);
        sync = await bob.SyncAsync(KeyClient.Token(sync));
        Assert.Equal([carol.UserId], KeyClient.Changed(sync));
        (await carol.PostAsync(EduWorld.Path(other, "leave"))).Ok();
        sync = await bob.SyncAsync(KeyClient.Token(sync));
        Assert.Empty(KeyClient.Changed(sync));
        Assert.Empty(KeyClient.Left(sync));

        token = KeyClient.Token(sync);
        (await carol.PostAsync(EduWorld.Path(world.Room, "leave"))).Ok();
        sync = await bob.SyncAsync(token);
        Assert.Equal([carol.UserId], KeyClient.Left(sync));
        // Her new devices are none of his business, until they meet again.
        await carol.UploadAsync(2);
        sync = await bob.SyncAsync(KeyClient.Token(sync));
        Assert.Empty(KeyClient.Changed(sync));
        await carol.JoinAsync(world.Room);
        sync = await bob.SyncAsync(KeyClient.Token(sync));
        Assert.Equal([carol.UserId], KeyClient.Changed(sync));
        Assert.Empty(KeyClient.Left(sync));

        // Who leaves is told of all those that are left behind; other rooms' members are not.
        (await bob.PostAsync(EduWorld.Path(world.Room, "leave"))).Ok();
        sync = await bob.SyncAsync(KeyClient.Token(sync));
        Assert.Equal([world.Alice.UserId, carol.UserId], KeyClient.Left(sync));
    }

    [Fact]
    public async Task say_the_same_from_memory_from_the_tables_and_after_a_replay()
    {
        await using var world = await EduWorld.StartAsync();
        var token = KeyClient.Token(await world.Bob.SyncAsync());
        await world.Alice.UploadAsync(1);
        await world.Server.RestartAsync();
        Assert.Equal([world.Alice.UserId], KeyClient.Changed(await world.Bob.SyncAsync(token)));
        await world.Server.RestartWithoutDatabaseAsync();
        var sync = await world.Bob.SyncAsync(token);
        Assert.Equal([world.Alice.UserId], KeyClient.Changed(sync));
        Assert.Empty(KeyClient.Changed(await world.Bob.SyncAsync(KeyClient.Token(sync))));
    }

    private static async Task<string[]> ChangesAsync(TestUser user, string from, string to) =>
        KeyClient.Changed((await user.GetAsync($"keys/changes?from={from}&to={to}")).Ok());
}
