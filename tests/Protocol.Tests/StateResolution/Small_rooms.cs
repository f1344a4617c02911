using System.Globalization;
using System.Numerics;
using Matrix.EventSourced.Protocol.RoomVersions;
using Matrix.EventSourced.Protocol.Tests.EventAuth;
using StateDictionary = System.Collections.Generic.Dictionary<
    Matrix.EventSourced.Protocol.State.StateTuple, Matrix.EventSourced.Protocol.Identifiers.EventId>;

namespace Matrix.EventSourced.Protocol.Tests.StateResolution;

/// <summary>Every room that a few PDUs of a small alphabet can make on top of a founded one, forks and merges.</summary>
/// <remarks>
/// TEST_DAG_SIZE says how many PDUs (3 unless told; 5 takes minutes and is run by hand). Rooms are grown PDU by PDU
/// and taken back, so that each costs one PDU. A PDU's parents are those that no other of its parents leads to: any
/// more would not change the state before it. What is resolved is the state before each merge, and that of all leaves.
/// </remarks>
public sealed class Small_rooms
{
    private const int SizeUsual = 3;

    /// <summary>Rooms of 0, 1, 2 … PDUs: naturally labelled posets, times 4 letters for each PDU.</summary>
    private static readonly long[] RoomCounts = [1, 1 * 4, 2 * 16, 7 * 64, 40 * 256, 357 * 1024];

    private static int Size =>
        int.TryParse(Environment.GetEnvironmentVariable("TEST_DAG_SIZE"), CultureInfo.InvariantCulture, out var size)
            ? size
            : SizeUsual;

    [Theory]
    [InlineData("1")]
    [InlineData("2")]
    [InlineData("12")]
    public async Task equal_the_oracle_one_and_all(string version)
    {
        var rooms = new Rooms(new TestRoom(RoomVersionRules.Find(version)!), Size);
        await rooms.GrowAsync();
        Assert.Equal(RoomCounts[..(Size + 1)].Sum(), rooms.Count);
    }

    /// <summary>PDU 0 is the founded room; ancestors and parents are sets of PDUs, one bit each.</summary>
    private sealed class Rooms
    {
        private static readonly List<Func<TestRoom, StateDictionary, long, StateDictionary>> Alphabet =
        [
            (room, state, ts) =>
                room.Then(state, AuthRoom.Creator, "m.room.power_levels", "", room.Levels((AuthRoom.Alice, 0)), ts),
            (room, state, ts) => room.Then(
                state, AuthRoom.Alice, "m.room.power_levels", "", room.Levels((AuthRoom.Alice, 100), (AuthRoom.Bob, 50)),
                ts),
            (room, state, ts) => room.Member(state, AuthRoom.Alice, AuthRoom.Bob, "ban", ts),
            (room, state, ts) => room.Then(state, AuthRoom.Bob, "m.room.topic", "", "{}", ts),
        ];

        private readonly TestRoom _room;
        private readonly int _sizeMax;
        private readonly List<StateDictionary> _states;
        private readonly List<int> _ancestors = [0];
        private readonly Stack<string> _word = [];

        public Rooms(TestRoom room, int sizeMax)
        {
            _room = room;
            _sizeMax = sizeMax;
            _states = [room.Begin()];
        }

        public long Count { get; private set; }

        public async Task GrowAsync()
        {
            Count++;
            if (_states.Count > _sizeMax)
            {
                await ResolveAsync(Leaves());
                return;
            }
            for (var parents = 1; parents < 1 << _states.Count; parents++)
            {
                var ancestors = AncestorsOf(parents);
                if ((ancestors & parents) != 0)
                    continue;
                var before = await ResolveAsync(parents);
                for (var letter = 0; letter < Alphabet.Count; letter++)
                {
                    // Timestamps that fall as often as they rise.
                    var after = Alphabet[letter](_room, before, 10 - ((_states.Count - 1) % 2));
                    _word.Push($"{letter} on {parents:b}");
                    _ancestors.Add(ancestors | parents);
                    _states.Add(after);
                    await GrowAsync();
                    _states.RemoveAt(_states.Count - 1);
                    _ancestors.RemoveAt(_ancestors.Count - 1);
                    _word.Pop();
                    _room.Undo();
                }
            }
        }

        private int AncestorsOf(int set)
        {
            var ancestors = 0;
            for (var rest = set; rest != 0; rest &= rest - 1)
                ancestors |= _ancestors[BitOperations.TrailingZeroCount(rest)];
            return ancestors;
        }

        private int Leaves()
        {
            var all = (1 << _states.Count) - 1;
            return all & ~AncestorsOf(all);
        }

        private async Task<StateDictionary> ResolveAsync(int set)
        {
            var states = new List<StateDictionary>();
            for (var rest = set; rest != 0; rest &= rest - 1)
                states.Add(_states[BitOperations.TrailingZeroCount(rest)]);
            if (states.Count == 1)
                return states[0];
            var expected = _room.AskOracle(states);
            var actual = await _room.ResolveAsync(states);
            Assert.True(
                expected.Count == actual.Count && !expected.Except(actual).Any(),
                $"{string.Join(", ", _word.Reverse())}: the states after {set:b} resolve otherwise.");
            return actual;
        }
    }
}
