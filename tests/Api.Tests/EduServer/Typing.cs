using Matrix.EventSourced.Kit.Hosting;

namespace Matrix.EventSourced.Api.Tests.EduServer;

public sealed class Typing
{
    [Fact]
    public async Task is_told_to_members_and_ends_their_long_polls()
    {
        await using var world = await EduWorld.StartAsync();
        var token = EduWorld.Token(await world.Bob.SyncAsync());
        var poll = world.Bob.SyncAsync(token, timeoutMs: 30_000);
        (await world.TypeAsync(world.Alice, true)).Ok();

        var sync = await poll;
        Assert.Equal([EduWorld.Typing(world.Alice.UserId)], world.Ephemeral(sync));

        // Told once.
        token = EduWorld.Token(sync);
        sync = await world.Bob.SyncAsync(token);
        Assert.Empty(world.Ephemeral(sync));

        (await world.TypeAsync(world.Alice, false)).Ok();
        sync = await world.Bob.SyncAsync(token);
        Assert.Equal([EduWorld.Typing()], world.Ephemeral(sync));
    }

    [Fact]
    public async Task ends_when_its_time_is_over_and_goes_on_when_it_is_said_again()
    {
        await using var world = await EduWorld.StartAsync();
        (await world.TypeAsync(world.Alice, true)).Ok();
        world.Time.Advance(TimeSpan.FromSeconds(20));
        (await world.TypeAsync(world.Alice, true)).Ok();
        world.Time.Advance(TimeSpan.FromSeconds(20));
        var sync = await world.Bob.SyncAsync();
        Assert.Equal([EduWorld.Typing(world.Alice.UserId)], world.Ephemeral(sync));

        var poll = world.Bob.SyncAsync(EduWorld.Token(sync), timeoutMs: 120_000);
        world.Time.Advance(TimeSpan.FromSeconds(11));
        Assert.Equal([EduWorld.Typing()], world.Ephemeral(await poll));
        // Nobody types: to a new client that is no news.
        Assert.Empty(world.Ephemeral(await world.Bob.SyncAsync()));
    }

    [Fact]
    public async Task that_outlives_a_restart_ends_after_it()
    {
        await using var world = await EduWorld.StartAsync();
        (await world.TypeAsync(world.Alice, true)).Ok();
        var token = EduWorld.Token(await world.Bob.SyncAsync());
        await world.Server.RestartWithoutDatabaseAsync();
        var poll = world.Bob.SyncAsync(token, timeoutMs: 120_000);
        world.Time.Advance(TimeSpan.FromSeconds(31));
        Assert.Equal([EduWorld.Typing()], world.Ephemeral(await poll));
    }

    [Fact]
    public async Task of_who_left_is_not_shown()
    {
        await using var world = await EduWorld.StartAsync();
        (await world.TypeAsync(world.Alice, true)).Ok();
        (await world.TypeAsync(world.Bob, true)).Ok();
        (await world.Alice.PostAsync(EduWorld.Path(world.Room, "leave"))).Ok();
        Assert.Equal([EduWorld.Typing(world.Bob.UserId)], world.Ephemeral(await world.Bob.SyncAsync()));
    }

    [Fact]
    public async Task of_others_may_be_filtered_out()
    {
        await using var world = await EduWorld.StartAsync();
        (await world.TypeAsync(world.Alice, true)).Ok();
        var none = await world.Bob.SyncAsync(filter: """{"room":{"ephemeral":{"not_types":["m.typing"]}}}""");
        Assert.Empty(world.Ephemeral(none));
        var other = await world.Bob.SyncAsync(filter: """{"room":{"ephemeral":{"rooms":["!other:hs"]}}}""");
        Assert.Empty(world.Ephemeral(other));
    }

    [Fact]
    public async Task is_for_members_and_for_oneself()
    {
        await using var world = await EduWorld.StartAsync();
        var carol = await world.Server.RegisterAsync("carol");
        (await world.TypeAsync(carol, true)).Refused(403, "M_FORBIDDEN");
        var asBob = EduWorld.Path(world.Room, $"typing/{Uri.EscapeDataString(world.Bob.UserId)}");
        (await world.Alice.PutAsync(asBob, """{"typing":true}""")).Refused(403, "M_FORBIDDEN");
        var asAlice = EduWorld.Path(world.Room, $"typing/{Uri.EscapeDataString(world.Alice.UserId)}");
        (await world.Alice.PutAsync(asAlice, "{}")).Refused(400, "M_MISSING_PARAM");
        (await world.Alice.PutAsync(asAlice, """{"typing":1}""")).Refused(400, "M_BAD_JSON");
        (await world.Alice.PutAsync(asAlice, """{"typing":true,"timeout":"x"}""")).Refused(400, "M_BAD_JSON");
        (await world.Alice.PutAsync(asAlice, """{"typing":true,"timeout":-1}""")).Refused(400, "M_INVALID_PARAM");
        Assert.Empty(world.Ephemeral(await world.Bob.SyncAsync()));
    }
}
