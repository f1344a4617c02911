using Matrix.EventSourced.Protocol.RoomVersions;
using Matrix.EventSourced.Protocol.Tests.EventAuth;
using StateDictionary = System.Collections.Generic.Dictionary<
    Matrix.EventSourced.Protocol.State.StateTuple, Matrix.EventSourced.Protocol.Identifiers.EventId>;

namespace Matrix.EventSourced.Protocol.Tests.StateResolution;

/// <summary>A room with a random history: forks, conflicting moderation, wrong states from partial synchronisation,
/// rejected PDUs.</summary>
internal sealed class RandomRoom
{
    private static readonly string[] Users =
        [AuthRoom.Creator, AuthRoom.Alice, AuthRoom.Bob, AuthRoom.Carol, "@dave:two.example"];

    private readonly Random _random;
    private readonly List<StateDictionary> _branches = [];

    public RandomRoom(RoomVersionRules rules, Random random)
    {
        _random = random;
        Room = new(rules, random.Next().ToString(System.Globalization.CultureInfo.InvariantCulture) + "-");
        _branches.Add(Room.Begin());
        var steps = random.Next(5, 60);
        for (var step = 0; step < steps; step++)
            Step();
    }

    public TestRoom Room { get; }

    /// <summary>Between two and four of the states that the forks ended in; some of them not what honest servers
    /// have.</summary>
    public List<StateDictionary> PickStates()
    {
        var states = new List<StateDictionary>();
        var count = _random.Next(2, 5);
        for (var index = 0; index < count; index++)
        {
            var state = new StateDictionary(Pick(_branches));
            if (_random.Next(4) == 0)
                Distort(state);
            states.Add(state);
        }
        return states;
    }

    private T Pick<T>(IReadOnlyList<T> items) => items[_random.Next(items.Count)];

    private void Step()
    {
        var branch = _random.Next(_branches.Count);
        var before = _branches[branch];
        var (sender, type, stateKey, content) = Invent();
        StateDictionary? authBy = null;
        if (_random.Next(12) == 0)
        {
            // Auth events of another fork or of a wrong state: what a server that sees the room otherwise would choose.
            authBy = new StateDictionary(Pick(_branches));
            Distort(authBy);
        }
        var (after, pdu) = Room.Send(before, sender, type, stateKey, content, _random.Next(10, 30), authBy);
        if (ReferenceEquals(after, before) && _random.Next(10) == 0)
            after = new StateDictionary(before) { [new(type, stateKey)] = pdu.EventId };
        if (_random.Next(3) == 0)
            _branches.Add(after);
        else
            _branches[branch] = after;
    }

    private void Distort(StateDictionary state)
    {
        var pdu = Room.Pdus[Pick(Room.Made)].Pdu;
        if (pdu.Type == "m.room.create")
            return;
        if (_random.Next(4) == 0)
            state.Remove(pdu.StateTuple!.Value);
        else
            state[pdu.StateTuple!.Value] = pdu.EventId;
    }

    private (string Sender, string Type, string StateKey, string Content) Invent()
    {
        var sender = Pick(Users);
        var target = Pick(Users);
        switch (_random.Next(10))
        {
            case 0:
            case 1:
                return (sender, "m.room.power_levels", "", Room.Levels([.. Users.Skip(1)
                    .Where(_ => _random.Next(2) == 0).Select(user => (user, Pick([0, 50, 50, 100])))]));
            case 2:
                return (sender, "m.room.join_rules", "", $$"""{"join_rule":"{{Pick(["public", "invite"])}}"}""");
            case 3:
                return (sender, "m.room.member", target, $$"""{"membership":"{{Pick(["ban", "leave", "invite"])}}"}""");
            case 4:
            case 5:
                return (sender, "m.room.member", sender, """{"membership":"join"}""");
            case 6:
                return (sender, "m.room.member", sender, """{"membership":"leave"}""");
            case 7:
                return (sender, "org.example.state", sender, """{"n":1}""");
            default:
                return (sender, Pick(["m.room.name", "m.room.topic"]), "", """{"n":2}""");
        }
    }
}
