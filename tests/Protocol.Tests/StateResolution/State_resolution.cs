using Matrix.EventSourced.Protocol.RoomVersions;
using Matrix.EventSourced.Protocol.StateResolution;
using Matrix.EventSourced.Protocol.Tests.EventAuth;
using StateDictionary = System.Collections.Generic.Dictionary<
    Matrix.EventSourced.Protocol.State.StateTuple, Matrix.EventSourced.Protocol.Identifiers.EventId>;

namespace Matrix.EventSourced.Protocol.Tests.StateResolution;

/// <summary>Laws of state resolution on random rooms. One version per algorithm, and the ones whose auth rules differ
/// most.</summary>
public sealed class State_resolution
{
    public static TheoryData<string> Versions => ["1", "2", "6", "11", "12"];

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task equals_the_oracle_on_random_rooms(string version) => await Seeds.ForEachAsync(async random =>
    {
        var world = new RandomRoom(RoomVersionRules.Find(version)!, random);
        var graph = new AuthGraph();
        for (var round = 0; round < 3; round++)
        {
            var states = world.PickStates();
            var expected = world.Room.AskOracle(states);
            Assert.Equal(expected, await world.Room.ResolveAsync(states));
            Assert.Equal(expected, await world.Room.ResolveAsync(states, graph));
        }
    });

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task order_and_repetition_of_the_states_do_not_matter(string version) =>
        await Seeds.ForEachAsync(async random =>
    {
        var world = new RandomRoom(RoomVersionRules.Find(version)!, random);
        var states = world.PickStates().ToArray();
        var expected = await world.Room.ResolveAsync(states);
        random.Shuffle(states);
        Assert.Equal(expected, await world.Room.ResolveAsync([.. states, states[0]]));
    });

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task one_state_is_its_own_resolution(string version) => await Seeds.ForEachAsync(async random =>
    {
        var world = new RandomRoom(RoomVersionRules.Find(version)!, random);
        var state = world.PickStates()[0];
        Assert.Equal(state, await world.Room.ResolveAsync([state, state]));
    });

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task what_all_states_hold_survives_and_nothing_comes_from_nowhere(string version) =>
        await Seeds.ForEachAsync(async random =>
    {
        var world = new RandomRoom(RoomVersionRules.Find(version)!, random);
        var states = world.PickStates();
        var resolved = await world.Room.ResolveAsync(states);
        foreach (var (tuple, eventId) in Oracle.UnconflictedStateMap(states))
            Assert.Equal(eventId, resolved[tuple]);
        var known = states.SelectMany(state => state.Values).ToHashSet();
        if (world.Room.Rules.StateResolution != StateResolutionAlgorithm.V1)
            known.UnionWith(world.Room.NewOracle().FullConflictedSet(states));
        Assert.All(resolved.Values, eventId => Assert.Contains(eventId, known));
    });
}
