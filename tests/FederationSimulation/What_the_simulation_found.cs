using System.Text.Json;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.Roomserver.Perform;
using Matrix.EventSourced.Protocol.EventAuth;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.FederationSimulation.Tests;

/// <summary>What seeds found, told again with nothing but what it needs. Each runs under several seeds: which of two things
/// at once comes first is drawn.</summary>
public sealed class What_the_simulation_found
{
    private const int Seeds = 12;

    /// <summary>The second join installed the room anew: its join had come by transaction meanwhile and was recorded twice, and
    /// heads that only this server knew were forgotten.</summary>
    [Fact]
    public void two_users_of_a_server_join_a_room_elsewhere_at_once() => Run(3, async run =>
    {
        var room = await CreateAsync(run, 0);
        await Task.WhenAll(JoinAsync(run, 1, 0, room), JoinAsync(run, 1, 1, room), JoinAsync(run, 2, 0, room));
        await run.QuietAsync();
        Assert.Equal("join", Membership(run, 0, room, run.Servers[1].Users[1]));
    });

    /// <summary>A join did not say that what it cites is missing, so that it became a head when it came: the history before
    /// the join stood beside the room.</summary>
    [Fact]
    public void what_a_join_cites_is_no_head_when_it_comes() => Run(3, async run =>
    {
        var room = await CreateAsync(run, 0);
        await Task.WhenAll(JoinAsync(run, 1, 0, room), JoinAsync(run, 2, 0, room));
        await SayAsync(run, 1, 0, room);
        await SayAsync(run, 2, 0, room);
    });

    /// <summary>A PDU on a branch beside the join led back to the room's beginning, and all of that was taken for new
    /// messages.</summary>
    [Fact]
    public void history_before_a_join_is_not_shown_as_new() => Run(3, async run =>
    {
        var room = await CreateAsync(run, 0);
        for (var i = 0; i < 5; i++)
            await SayAsync(run, 0, 0, room);
        await Task.WhenAll(JoinAsync(run, 1, 0, room), JoinAsync(run, 2, 0, room));
        await SayAsync(run, 1, 0, room);
        await SayAsync(run, 2, 0, room);
    });

    /// <summary>In versions 1 and 2 a join cited other PDUs with an empty hash where the template had none.</summary>
    [Theory]
    [InlineData("1")]
    [InlineData("2")]
    public void a_join_cites_no_empty_hashes(string version) => Run(2, async run =>
    {
        var room = await CreateAsync(run, 0, version);
        await JoinAsync(run, 1, 0, room);
    });

    /// <summary>One request for a PDU of the state got lost, and the state was taken without it, for good.</summary>
    [Fact]
    public void a_state_is_not_taken_without_what_the_network_lost() => Run(2, async run =>
    {
        var room = await CreateAsync(run, 0);
        await JoinAsync(run, 1, 0, room);
        await run.QuietAsync();
        run.Network.Cut(run.Servers[0].Name, run.Servers[1].Name);
        await SayAsync(run, 0, 0, room);
        // Longer than what waits is kept for: of the room only the newest PDU will come, with a gap before it.
        await run.World.WaitAsync(2 * 60 * 60 * 1000);
        await JoinAsync(run, 0, 1, room);
        for (var i = 0; i < 60; i++)
            await SayAsync(run, 0, 0, room);
        var lost = 0;
        run.Network.Loses = request => request.Uri.Contains("/v1/event/", StringComparison.Ordinal) && lost++ == 0;
        run.Network.Heal();
        await run.QuietAsync();
        await SayAsync(run, 0, 0, room);
        await run.QuietAsync();
        Assert.True(lost > 1, "nothing was fetched one by one");
        Assert.Equal("join", Membership(run, 1, room, run.Servers[0].Users[1]));
    });

    /// <summary>A server that had left answered for nothing any more: that its user left rests on what nobody else could
    /// give, so the others saw the user in the room for ever.</summary>
    [Fact]
    public void who_has_left_still_gives_what_the_leave_rests_on() => Run(3, async run =>
    {
        var room = await CreateAsync(run, 0);
        await JoinAsync(run, 1, 0, room);
        await JoinAsync(run, 2, 0, room);
        await run.QuietAsync();
        run.Network.Cut(run.Servers[0].Name, run.Servers[2].Name);
        await SayAsync(run, 2, 0, room);
        await run.World.WaitAsync(5_000);
        var (process, user) = (run.Servers[1].Process!, run.Servers[1].Users[0]);
        Assert.IsType<CommandResult<MediatR.Unit>.Done>(
            await process.SendAsync(new LeaveRoom(process.ContextOf(user), room, user, null)));
        await run.World.WaitAsync(5_000);
        await run.CheckAsync();
        Assert.Equal("leave", Membership(run, 0, room, user));
    });

    private static void Run(int servers, Func<FederationSimulation, Task> act)
    {
        for (var seed = 1; seed <= Seeds; seed++)
            FederationSimulation.Script(seed, servers, act);
    }

    private static async Task<RoomId> CreateAsync(FederationSimulation run, int server, string? version = null)
    {
        var process = run.Servers[server].Process!;
        var creator = run.Servers[server].Users[0];
        var answer = await process.SendAsync(new CreateRoom(process.ContextOf(creator), creator)
        {
            Preset = RoomPreset.PublicChat,
            RoomVersion = version,
        });
        return Assert.IsType<CommandResult<RoomId>.Done>(answer).Value;
    }

    private static async Task JoinAsync(FederationSimulation run, int server, int user, RoomId room)
    {
        var process = run.Servers[server].Process!;
        var userId = run.Servers[server].Users[user];
        Assert.IsType<CommandResult<RoomId>.Done>(await process.SendAsync(
            new JoinRoom(process.ContextOf(userId), userId, room.Value, null) { Via = [run.Servers[0].Name] }));
    }

    private static async Task SayAsync(FederationSimulation run, int server, int user, RoomId room)
    {
        var process = run.Servers[server].Process!;
        var userId = run.Servers[server].Users[user];
        Assert.IsType<CommandResult<EventId>.Done>(await process.SendAsync(new SendEvent(
            process.ContextOf(userId), room, userId, "m.room.message", JsonElement.Parse("""{"msgtype":"m.text","body":"so"}"""), null)));
    }

    private static string? Membership(FederationSimulation run, int server, RoomId room, UserId user) =>
        run.Rooms[room].Oracle.Get(run.Servers[server].Rooms[room].Current, AuthTuples.Member(user.Value))?.Membership;
}
