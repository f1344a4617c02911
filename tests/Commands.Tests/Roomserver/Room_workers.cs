using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.Roomserver.Perform;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;
using static Matrix.EventSourced.Commands.Tests.Roomserver.RoomserverWorld;

namespace Matrix.EventSourced.Commands.Tests.Roomserver;

public sealed class Room_workers : IAsyncDisposable
{
    private readonly RoomserverWorld _world = new();

    public async ValueTask DisposeAsync() => await _world.DisposeAsync();

    [Fact]
    public async Task keep_a_dense_graph_with_many_senders_in_one_room()
    {
        var room = await _world.CreatePublicAsync();
        var users = Enumerable.Range(0, 64).Select(i => UserId.Parse($"@user{i}:hs")).ToList();
        foreach (var user in users)
            Done(await _world.JoinAsync(user, room.Value));
        var before = _world.Log.Appends;

        var sent = await Task.WhenAll(users.SelectMany(
            user => Enumerable.Range(0, 4).Select(
                i => Task.Run(() => _world.SendAsync(room, user, $"{user} {i}", $"t{i}")))));

        Assert.Equal(256, sent.Select(Done).Distinct().Count());
        var facts = await _world.FactsOfAsync(room);
        Assert.Equal(sent.Select(Done).Order(), facts[^256..].Select(fact => fact.EventId).Order());
        Creating_rooms.AssertDense(facts);
        Assert.InRange(_world.Log.Appends - before, 1, 256);
    }

    [Fact]
    public async Task share_one_append_among_commands_that_wait_together()
    {
        var room = await _world.CreateAsync(Alice);
        var gate = new TaskCompletionSource();
        _world.Log.BeforeAppend = _ => new ValueTask(gate.Task);
        var before = _world.Log.Appends;

        var sends = Enumerable.Range(0, 33).Select(i => _world.SendAsync(room, Alice, $"{i}", $"t{i}")).ToList();
        gate.SetResult();
        await Task.WhenAll(sends);

        Assert.InRange(_world.Log.Appends - before, 1, 8);
        Creating_rooms.AssertDense(await _world.FactsOfAsync(room));
    }

    [Fact]
    public async Task run_many_rooms_beside_each_other()
    {
        var rooms = await Task.WhenAll(Enumerable.Range(0, 64).Select(_ => _world.CreateAsync(Alice)));

        await Task.WhenAll(rooms.SelectMany(
            room => Enumerable.Range(0, 8).Select(
                i => Task.Run(() => _world.SendAsync(room, Alice, $"{i}", $"t{i}")))));

        foreach (var room in rooms)
        {
            var facts = await _world.FactsOfAsync(room);
            Assert.Equal(6 + 8, facts.Count);
            Creating_rooms.AssertDense(facts);
        }
    }

    [Fact]
    public async Task decide_again_when_another_process_has_written()
    {
        var room = await _world.CreatePublicAsync();
        Done(await _world.SendAsync(room, Alice, "mine"));
        await using var other = _world.Restarted();
        Done(await other.SendAsync(room, Alice, "theirs"));

        Done(await _world.SendAsync(room, Alice, "mine again"));

        Creating_rooms.AssertDense(await _world.FactsOfAsync(room));
    }

    [Fact]
    public async Task believe_a_refusal_only_on_the_newest_state()
    {
        var room = await _world.CreateAsync(Alice);
        Assert.Equal(403, Refused(await _world.JoinAsync(Bob, room.Value)).Status);
        await using var other = _world.Restarted();
        Done(await other.InviteAsync(room, Alice, Bob));

        Done(await _world.JoinAsync(Bob, room.Value));
    }

    [Fact]
    public async Task give_up_after_three_conflicts()
    {
        var room = await _world.CreateAsync(Alice);
        await using var other = new RoomserverWorld(new FaultyLog(_world.Log.Inner), _world.Nodes);
        var writes = 0;
        _world.Log.BeforeAppend = async _ => Done(await other.SendAsync(room, Alice, $"theirs {writes++}"));

        var error = Refused(await _world.SendAsync(room, Alice, "mine"));

        Assert.Equal((503, 3), (error.Status, writes));
        _world.Log.BeforeAppend = null;
        Done(await _world.SendAsync(room, Alice, "mine"));
        Creating_rooms.AssertDense(await _world.FactsOfAsync(room));
    }

    [Fact]
    public async Task decide_a_group_again_one_by_one_when_some_of_it_is_known()
    {
        var room = await _world.CreateAsync(Alice);
        var known = Done(await _world.SendAsync(room, Alice, "known", "t0"));
        await using var restarted = _world.Restarted();
        // Holds the first append back, so that the others wait together, the repeated one among them.
        var gate = new TaskCompletionSource();
        restarted.Log.BeforeAppend = _ => new ValueTask(gate.Task);
        var sends = new List<Task<CommandResult<EventId>>> { restarted.SendAsync(
            room, Alice, "first", "t1") };
        sends.AddRange(Enumerable.Range(2, 5).Select(i => restarted.SendAsync(room, Alice, "new", $"t{i}")));
        sends.Insert(3, restarted.SendAsync(room, Alice, "known", "t0"));
        gate.SetResult();

        var answers = (await Task.WhenAll(sends)).Select(Done).ToList();

        Assert.Equal(known, answers[3]);
        Assert.Equal(answers.Count, answers.Distinct().Count());
        restarted.Log.BeforeAppend = null;
        Creating_rooms.AssertDense(await restarted.FactsOfAsync(room));
    }

    [Fact]
    public async Task answer_503_when_the_log_is_out_of_reach_and_go_on_afterwards()
    {
        var room = await _world.CreateAsync(Alice);
        _world.Log.BeforeAppend = _ => throw new EventStoreException("no disk");

        var error = Refused(await _world.SendAsync(room, Alice, "one", "t1"));
        _world.Log.BeforeAppend = null;

        Assert.Equal((503, ErrCodes.Unknown), (error.Status, error.ErrCode));
        Assert.True(_world.Health.IsHealthy);
        Done(await _world.SendAsync(room, Alice, "one", "t1"));
    }

    [Fact]
    public async Task quarantine_a_room_whose_state_is_lost_and_no_other()
    {
        var room = await _world.CreateAsync(Alice);
        await using var restarted = new RoomserverWorld(_world.Log, new MemoryStateNodes());
        restarted.Clock.Advance(TimeSpan.FromSeconds(1));
        var other = await restarted.CreateAsync(Alice);
        var count = (await _world.FactsOfAsync(room)).Count;

        var error = Refused(await restarted.SendAsync(room, Alice, "one"));

        Assert.Equal((500, ErrCodes.Unknown), (error.Status, error.ErrCode));
        Assert.Equal([room.Value], restarted.Health.Quarantined.Select(entry => entry.Key));
        Assert.Equal(500, Refused(await restarted.SendAsync(room, Alice, "two")).Status);
        Assert.Equal(count, (await _world.FactsOfAsync(room)).Count);
        Done(await restarted.SendAsync(other, Alice, "one"));
    }

    [Fact]
    public async Task load_a_room_from_its_last_fact_after_a_restart()
    {
        var room = await _world.CreatePublicAsync();
        Done(await _world.JoinAsync(Bob, room.Value));
        Done(await _world.SendAsync(room, Bob, "one"));
        await using var restarted = _world.Restarted();

        Done(await restarted.SendAsync(room, Bob, "two"));
        Done(await restarted.KickAsync(room, Alice, Bob));

        Creating_rooms.AssertDense(await restarted.FactsOfAsync(room));
    }

    [Fact]
    public async Task stop_the_longest_idle_rooms_when_there_are_too_many()
    {
        await using var small = new RoomserverWorld(activeMax: 4);
        var rooms = new List<RoomId>();
        for (var i = 0; i < 10; i++)
            rooms.Add(await small.CreateAsync(Alice));

        Assert.Equal(4, small.Rooms.ActiveCount);
        foreach (var room in rooms)
            Done(await small.SendAsync(room, Alice, "still here"));
    }

    [Fact]
    public async Task split_a_room_that_is_too_large_for_one_append()
    {
        var state = Enumerable.Range(0, 40)
            .Select(
                i => new InitialState("org.example.large", $"{i}", Json($$"""{"x":"{{new string('x', 60_000)}}"}""")));
        var room = await _world.CreateAsync(Alice, command => command with { InitialState = [.. state] });

        Creating_rooms.AssertDense(await _world.FactsOfAsync(room));
        Assert.InRange(_world.Log.Appends, 3, 4);
    }

    [Fact]
    public async Task answer_all_that_waits_before_they_stop()
    {
        var room = await _world.CreateAsync(Alice);
        var sends = Enumerable.Range(0, 50).Select(i => _world.SendAsync(room, Alice, $"{i}")).ToList();

        await _world.Rooms.DisposeAsync();

        Assert.All(await Task.WhenAll(sends), answer => Done(answer));
        Assert.Equal(503, Refused(await _world.SendAsync(room, Alice, "late")).Status);
    }
}
