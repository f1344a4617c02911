using Matrix.EventSourced.Protocol.EventAuth;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.RoomVersions;
using Matrix.EventSourced.Protocol.State;
using Matrix.EventSourced.Protocol.StateResolution;
using Matrix.EventSourced.Protocol.Tests.EventAuth;
using StateDictionary = System.Collections.Generic.Dictionary<
    Matrix.EventSourced.Protocol.State.StateTuple, Matrix.EventSourced.Protocol.Identifiers.EventId>;

namespace Matrix.EventSourced.Protocol.Tests.StateResolution;

/// <summary>A room that grows by forks; a state is a plain dictionary.</summary>
internal sealed class TestRoom
{
    private readonly List<EventId> _made = [];
    private readonly string _salt;

    public TestRoom(RoomVersionRules rules, string salt = "")
    {
        Rules = rules;
        _salt = salt;
        Create = PduMaker.Make(
            new(Name(), "m.room.create", "", AuthRoom.Creator, rules.CreatorIsSender ? "{}"
                : $$"""{"creator":"{{AuthRoom.Creator}}"}""")
            {
                RoomId = rules.RoomIdIsCreateHash ? null : RoomId.Parse("!room:" + PduMaker.Domain),
                OriginServerTs = 0,
                Depth = 1,
            },
            rules);
        Pdus.Add(Create);
        _made.Add(Create.EventId);
    }

    public RoomVersionRules Rules { get; }

    public Pdu Create { get; }

    public InMemoryPdus Pdus { get; } = new();

    public IReadOnlyList<EventId> Made => _made;

    public StateDictionary Initial => new() { [new("m.room.create", "")] = Create.EventId };

    /// <summary>Sends state on top of a state and answers the state after it; a PDU that is not allowed stays out,
    /// marked rejected.</summary>
    public (StateDictionary After, Pdu Pdu) Send(
        StateDictionary before, string sender, string type, string stateKey, string content, long ts,
            StateDictionary? authBy = null)
    {
        var spec = new PduMaker.Spec(Name(), type, stateKey, sender, content)
        {
            RoomId = Create.RoomId,
            PrevEvents = [_made[^1]],
            OriginServerTs = ts,
            Depth = ts + 2,
        };
        var draft = PduMaker.Make(spec, Rules);
        var authEvents = AuthEventSelection.TuplesFor(type, stateKey, UserId.Parse(sender), draft.Content, Rules)
            .Where((authBy ?? before).ContainsKey).Select(tuple => (authBy ?? before)[tuple]).ToList();
        var pdu = PduMaker.Make(spec with { AuthEvents = authEvents, PrevEvents = [_made.Count == 1 ? Create.EventId
            : _made[^1]] }, Rules);
        var isAllowed = EventAuthorisation.Check(
            pdu, new Oracle.Lookup(tuple =>
                before.TryGetValue(tuple, out var found) ? Pdus[found].Pdu : null), Create).IsAllowed;
        Pdus.Add(pdu, !isAllowed);
        _made.Add(pdu.EventId);
        return (isAllowed ? new StateDictionary(before) { [new(type, stateKey)] = pdu.EventId } : before, pdu);
    }

    /// <summary>Takes the PDU that was sent last out of the room.</summary>
    public void Undo()
    {
        Pdus.RemoveLast(_made[^1]);
        _made.RemoveAt(_made.Count - 1);
    }

    public StateDictionary Then(StateDictionary before, string sender, string type, string stateKey, string content,
        long ts) =>
        Send(before, sender, type, stateKey, content, ts).After;

    public StateDictionary Member(StateDictionary before, string sender, string target, string membership, long ts) =>
        Then(before, sender, "m.room.member", target, $$"""{"membership":"{{membership}}"}""", ts);

    /// <summary>The creator has joined, set power levels that make Alice an administrator, and opened the room; Alice
    /// and Bob have joined.</summary>
    public StateDictionary Begin()
    {
        var state = Member(Initial, AuthRoom.Creator, AuthRoom.Creator, "join", 1);
        state = Then(state, AuthRoom.Creator, "m.room.power_levels", "", Levels((AuthRoom.Alice, 100)), 2);
        state = Then(state, AuthRoom.Creator, "m.room.join_rules", "", """{"join_rule":"public"}""", 3);
        state = Member(state, AuthRoom.Alice, AuthRoom.Alice, "join", 4);
        return Member(state, AuthRoom.Bob, AuthRoom.Bob, "join", 5);
    }

    /// <summary>Power levels content; the creator keeps 100 where creators have levels.</summary>
    public string Levels(params (string User, int Level)[] users)
    {
        var all = Rules.CreatorsHaveInfinitePower ? users : [(AuthRoom.Creator, 100), .. users];
        return "{\"users\":{" + string.Join(',', all.Select(entry => $"\"{entry.User}\":{entry.Level}")) + "}}";
    }

    public static StateMap ToMap(StateDictionary state) =>
        StateMap.FromEntries(state.Select(entry => new StateEntry(entry.Key, entry.Value)));

    public async Task<StateDictionary> ResolveAsync(IEnumerable<StateDictionary> states, AuthGraph? graph = null)
    {
        var map = await StateResolver.ResolveAsync([.. states.Select(ToMap)], Create, Pdus, graph);
        var resolved = new StateDictionary();
        await foreach (var entry in map.EntriesAsync())
            resolved.Add(entry.Tuple, entry.EventId);
        Assert.Equal(ToMap(resolved).Root, map.Root);
        return resolved;
    }

    public StateDictionary AskOracle(IReadOnlyList<StateDictionary> states) =>
        Rules.StateResolution == StateResolutionAlgorithm.V1
            ? OracleV1.Resolve(states, eventId => Pdus[eventId].Pdu, Create)
            : NewOracle().Resolve(states);

    public Oracle NewOracle() =>
        new(eventId => Pdus[eventId], Create, Rules.StateResolution == StateResolutionAlgorithm.V2Point1);

    private string Name() => $"{_salt}{_made.Count}";
}
