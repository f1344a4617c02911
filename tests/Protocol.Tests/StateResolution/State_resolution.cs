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

    /// <summary>Every tree of forks over a small alphabet of PDUs, up to TEST_DAG_SIZE (4 unless told) on top of a
    /// founded room.</summary>
    [Theory]
    [InlineData("1")]
    [InlineData("2")]
    [InlineData("12")]
    public async Task equals_the_oracle_on_every_small_room(string version)
    {
        var sizeMax = int.TryParse(Environment.GetEnvironmentVariable("TEST_DAG_SIZE"), out var size) ? size : 4;
        for (var count = 2; count <= sizeMax; count++)
        {
            var letters = new int[count];
            do
            {
                var parents = new int[count];
                do
                {
                    await CheckSmallRoomAsync(version, letters, parents);
                }
                while (Next(parents, index => index + 1));
            }
            while (Next(letters, _ => SmallAlphabet.Count));
        }
    }

    private static bool Next(int[] digits, Func<int, int> baseOf)
    {
        for (var index = digits.Length - 1; index >= 0; index--)
        {
            if (++digits[index] < baseOf(index))
                return true;
            digits[index] = 0;
        }
        return false;
    }

    private static readonly List<Func<TestRoom, StateDictionary, long, StateDictionary>> SmallAlphabet =
    [
        (room, state, ts) =>
            room.Then(state, AuthRoom.Creator, "m.room.power_levels", "", room.Levels((AuthRoom.Alice, 0)), ts),
        (room, state, ts) => room.Then(state, AuthRoom.Alice, "m.room.power_levels", "", room.Levels((AuthRoom.Alice,
            100), (AuthRoom.Bob, 50)), ts),
        (room, state, ts) => room.Member(state, AuthRoom.Alice, AuthRoom.Bob, "ban", ts),
        (room, state, ts) => room.Then(state, AuthRoom.Bob, "m.room.topic", "", "{}", ts),
    ];

    /// <summary>PDU n is letter n of the word on top of parent n (0 is the founded room); the states of all leaves are
    /// resolved.</summary>
    private static async Task CheckSmallRoomAsync(string version, int[] letters, int[] parents)
    {
        var room = new TestRoom(RoomVersionRules.Find(version)!);
        var states = new List<StateDictionary> { room.Begin() };
        for (var index = 0; index < letters.Length; index++)
            states.Add(SmallAlphabet[letters[index]](room, states[parents[index]], 10 - (index % 2)));
        var leaves = Enumerable.Range(0, states.Count).Where(index => !parents.Contains(index)).Select(index =>
            states[index]).ToList();
        if (leaves.Count < 2)
            return;
        var expected = room.AskOracle(leaves);
        var actual = await room.ResolveAsync(leaves);
        Assert.True(
            expected.Count == actual.Count && !expected.Except(actual).Any(),
            $"letters {string.Join(' ', letters)}, parents {string.Join(' ', parents)}");
    }
}
