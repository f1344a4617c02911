using Matrix.EventSourced.Facts.Roomserver;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.State;

namespace Matrix.EventSourced.Simulation.Tests;

/// <summary>Compares what the log of <paramref name="us"/> says of one room with what its PDUs say, fact by fact, each fact
/// once.</summary>
internal sealed class RoomChecker(RoomId roomId, OracleRoom oracle, ServerName us)
{
    private readonly Dictionary<StateTuple, EventId> _replayed = [];
    private readonly Dictionary<EventId, PduDisposition> _decided = [];
    private readonly HashSet<EventId> _outliers = [];
    private readonly HashSet<string> _transactions = new(StringComparer.Ordinal);
    private readonly HashSet<EventId> _citedByShown = [];
    private readonly HashSet<EventId> _cited = [];
    private readonly List<EventId> _extremities = [];
    private Dictionary<StateTuple, EventId> _current = [];
    private EventId? _firstInstalled;
    private long _depth;
    private int _next;
    private SimulationFailure? _problem;

    public IReadOnlyList<EventId> Extremities => _extremities;

    public IReadOnlyDictionary<EventId, PduDisposition> Decided => _decided;

    public Dictionary<StateTuple, EventId> Current => _current;

    public int Count => _next;

    /// <summary>The join with which the room came here from elsewhere; null where it was made here.</summary>
    public EventId? FirstInstalled => _firstInstalled;

    /// <summary>Whether it is here in any way, an outlier too.</summary>
    public bool IsHere(EventId eventId) => _decided.ContainsKey(eventId) || _outliers.Contains(eventId);

    public async ValueTask CheckAsync(IReadOnlyList<SeenFact> facts)
    {
        for (; _next < facts.Count; _next++)
        {
            // Whoever looks again later hears of the first problem, not of what follows from it.
            if (_problem is not null)
                throw _problem;
            try
            {
                await CheckAsync(facts[_next]);
            }
            catch (SimulationFailure problem)
            {
                _problem = problem;
                throw;
            }
        }
    }

    private async ValueTask CheckAsync(SeenFact seen)
    {
        var (fact, pdu) = (seen.Fact, seen.Pdu);
        CheckRecordedOnce(seen);
        if (fact.Disposition == PduDisposition.Outlier || IsRejectedAsOutlier(fact, pdu))
        {
            Expect(fact.StateBefore == StateMap.Empty.Root, seen, "an outlier has a state before");
            CheckRoom(seen);
            return;
        }
        _cited.UnionWith(pdu.PrevEvents);
        var one = await oracle.AddAsync(pdu);
        var before = OracleRoom.MapOf(one.StateBefore);
        if (fact.StateBefore != before.Root)
            Expect(false, seen, $"state before is not what prev_events say: {SayBefore(fact, one.StateBefore)}");
        CheckDelta(seen, before.Root);
        // What came here may be redacted, and a redaction without its target is another one in the oldest versions.
        var rejected = pdu.Json.Span.SequenceEqual(one.Pdu.Json.Span) ? one.Rejected : oracle.FindRejection(pdu, one.StateBefore);
        Expect(
            (fact.Disposition == PduDisposition.Rejected) == (rejected is not null),
            seen,
            $"should be rejected because: {rejected ?? "nothing"}; {fact.Reason}");
        if (fact.Disposition == PduDisposition.Rejected)
        {
            CheckRoom(seen);
            return;
        }
        if (fact.Disposition == PduDisposition.Backfilled)
        {
            _citedByShown.UnionWith(pdu.PrevEvents);
            CheckRoom(seen);
            return;
        }
        if (IsInstalled(fact, pdu))
        {
            // From here on the room is what another server gave us for the join.
            if (_extremities.Count == 0)
                _firstInstalled = pdu.EventId;
            _extremities.Clear();
            _current = one.StateBefore;
        }
        var refused = oracle.FindRefusal(pdu, _current);
        var isSoftFailed = refused is not null && before.Root != OracleRoom.MapOf(_current).Root;
        Expect(
            fact.Disposition == (isSoftFailed ? PduDisposition.SoftFailed : PduDisposition.Accepted),
            seen,
            $"by the current state: {refused ?? "nothing against it"}; {fact.Reason}");
        if (fact.Disposition == PduDisposition.Accepted)
        {
            _extremities.RemoveAll(pdu.PrevEvents.Contains);
            if (!_citedByShown.Contains(pdu.EventId))
                _extremities.Add(pdu.EventId);
            _citedByShown.UnionWith(pdu.PrevEvents);
            _current = await oracle.ResolveAsync(_extremities);
            _depth = Math.Max(_depth, pdu.Depth);
        }
        CheckRoom(seen);
    }

    /// <summary>Of what was rejected as an outlier nothing but its auth events was known.</summary>
    private static bool IsRejectedAsOutlier(PduRecorded fact, Pdu pdu) =>
        fact.Disposition == PduDisposition.Rejected && fact.StateBefore == StateMap.Empty.Root && pdu.PrevEvents.Count > 0;

    /// <summary>A join of one of our users that came back from a server that is in the room: it begins the room, or begins it
    /// anew where none of us was in it any more.</summary>
    private bool IsInstalled(PduRecorded fact, Pdu pdu) =>
        fact is { Disposition: PduDisposition.Accepted, SendOn: null }
        && pdu.Membership == "join" && pdu.StateKey == pdu.Sender.Value && pdu.Sender.Server == us
        && !IsResident(us);

    /// <summary>Whether a user of the server is in the room, as its current state has it.</summary>
    public bool IsResident(ServerName server) => _current.Any(entry => entry.Key.Type == EventTypes.Member
        && UserId.TryParse(entry.Key.StateKey, out var userId) && userId.Server == server
        && oracle[entry.Value].Pdu.Membership == "join");

    /// <summary>What is cited by a PDU of the room's graph, shown or not, and is not here.</summary>
    public IEnumerable<EventId> MissingLinks => _cited.Where(eventId => !_decided.ContainsKey(eventId));

    private void CheckRecordedOnce(SeenFact seen)
    {
        var fact = seen.Fact;
        Expect(fact.RoomId == roomId, seen, "is in another room's stream");
        if (fact.Disposition == PduDisposition.Outlier)
        {
            Expect(!IsHere(fact.EventId), seen, "an outlier that is here already");
            _outliers.Add(fact.EventId);
        }
        else
        {
            Expect(_decided.TryAdd(fact.EventId, fact.Disposition), seen, "was decided twice");
        }
        if (fact.TransactionId is { } id)
        {
            var isFirst = _transactions.Add($"{seen.Pdu.Sender} {fact.DeviceId} {fact.TransactionScope} {id}");
            Expect(isFirst, seen, $"transaction {id} led to two PDUs");
        }
    }

    private void CheckDelta(SeenFact seen, StateRoot before)
    {
        var applied = new Dictionary<StateTuple, EventId>(_replayed);
        Apply(applied, seen.Fact.StateBeforeAdded, seen.Fact.StateBeforeRemoved);
        Expect(OracleRoom.MapOf(applied).Root == before, seen, "the delta to the state before makes another state");
    }

    private void CheckRoom(SeenFact seen)
    {
        var fact = seen.Fact;
        Apply(_replayed, fact.StateAdded, fact.StateRemoved);
        Expect(
            OracleRoom.MapOf(_replayed).Root == fact.CurrentState, seen, "the deltas make another state than its root");
        // A join under way: the outliers carry the state in parts.
        if (_extremities.Count == 0)
        {
            Expect(fact.ForwardExtremities.IsEmpty, seen, "a room without an accepted PDU has extremities");
            return;
        }
        Expect(
            fact.ForwardExtremities.ToHashSet().SetEquals(_extremities),
            seen,
            $"extremities are {Say(fact.ForwardExtremities)} instead of {Say(_extremities)}");
        Expect(
            OracleRoom.MapOf(_current).Root == fact.CurrentState,
            seen,
            "the current state is not that of the extremities: " + string.Join(", ", _current
                .Where(entry => _replayed.GetValueOrDefault(entry.Key) != entry.Value)
                .Select(entry => $"{entry.Key} is {_replayed.GetValueOrDefault(entry.Key)} not {entry.Value}")));
        Expect(fact.Depth == _depth, seen, $"depth {fact.Depth} instead of {_depth}");
    }

    private static void Apply(
        Dictionary<StateTuple, EventId> state, IEnumerable<StateEntry> added, IEnumerable<StateTuple> removed)
    {
        foreach (var entry in added)
            state[entry.Tuple] = entry.EventId;
        foreach (var tuple in removed)
            state.Remove(tuple);
    }

    private string SayBefore(PduRecorded fact, Dictionary<StateTuple, EventId> wanted)
    {
        var found = new Dictionary<StateTuple, EventId>(_replayed);
        Apply(found, fact.StateBeforeAdded, fact.StateBeforeRemoved);
        return string.Join(", ", found.Keys.Union(wanted.Keys)
            .Where(tuple => found.GetValueOrDefault(tuple) != wanted.GetValueOrDefault(tuple))
            .Select(tuple => $"{tuple} is {found.GetValueOrDefault(tuple)} not {wanted.GetValueOrDefault(tuple)}"));
    }

    private static string Say(IEnumerable<EventId> eventIds) => $"[{string.Join(", ", eventIds)}]";

    private static void Expect(bool holds, SeenFact seen, string problem)
    {
        if (!holds)
        {
            throw new SimulationFailure(
                $"{seen.Fact.RoomId} (version {seen.Fact.RoomVersion}) revision {seen.Revision}, "
                + $"{seen.Fact.Disposition} {seen.Fact.EventId}: {problem}\n{seen.Fact.Pdu}");
        }
    }
}
