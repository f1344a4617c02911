using Matrix.EventSourced.Protocol.EventAuth;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.State;
using Matrix.EventSourced.Protocol.StateResolution;
using StateDictionary = System.Collections.Generic.Dictionary<
    Matrix.EventSourced.Protocol.State.StateTuple, Matrix.EventSourced.Protocol.Identifiers.EventId>;

namespace Matrix.EventSourced.Protocol.Tests.StateResolution;

/// <summary>State resolution v2 and v2.1, definition by definition from the spec, on sets and dictionaries, with no
/// thought of cost.</summary>
internal sealed class Oracle(Func<EventId, KnownPdu> find, Pdu create, bool isV2Point1)
{
    private readonly Dictionary<EventId, HashSet<EventId>> _authChains = [];

    private Pdu Get(EventId eventId) => find(eventId).Pdu;

    public StateDictionary Resolve(IReadOnlyList<StateDictionary> states)
    {
        var unconflicted = UnconflictedStateMap(states);
        var fullConflicted = FullConflictedSet(states);

        // 1. Select the set X of all power events that appear in the full conflicted set. For each such power event P,
        // enlarge X by adding
        //    the events in the auth chain of P which also belong to the full conflicted set. Sort X into a list.
        var x = fullConflicted.Where(IsPowerEvent).ToHashSet();
        foreach (var p in x.ToList())
            x.UnionWith(AuthChain(p).Where(fullConflicted.Contains));
        var sorted = ReverseTopologicalPowerOrdering(x);

        // 2. Apply the iterative auth checks algorithm, starting from the unconflicted state map (v2.1: an empty state
        // map).
        var partial = IterativeAuthChecks(isV2Point1 ? [] : unconflicted, sorted);

        // 3. Take all remaining events that weren't picked in step 1 and order them by the mainline ordering.
        EventId? powerLevels = partial.TryGetValue(new("m.room.power_levels", ""), out var found) ? found : null;
        var remaining = MainlineOrdering(fullConflicted.Except(x), powerLevels);

        // 4. Apply the iterative auth checks algorithm on the partial resolved state and the list of events from the
        // previous step.
        var resolved = IterativeAuthChecks(partial, remaining);

        // 5. Update the result by replacing any event with the event with the same key from the unconflicted state map.
        foreach (var (tuple, eventId) in unconflicted)
            resolved[tuple] = eventId;
        return resolved;
    }

    public static StateDictionary UnconflictedStateMap(IReadOnlyList<StateDictionary> states) => states[0]
        .Where(entry => states.All(state => state.TryGetValue(entry.Key, out var value) && value == entry.Value))
        .ToDictionary();

    public HashSet<EventId> FullConflictedSet(IReadOnlyList<StateDictionary> states)
    {
        var unconflicted = UnconflictedStateMap(states);
        var conflicted = states.SelectMany(state => state).Where(entry => !unconflicted.ContainsKey(entry.Key))
            .Select(entry => entry.Value).ToHashSet();
        HashSet<EventId> full = [.. conflicted, .. AuthDifference(states)];
        if (isV2Point1)
            full.UnionWith(ConflictedStateSubgraph(conflicted));
        return full;
    }

    private HashSet<EventId> AuthChain(EventId eventId)
    {
        if (_authChains.TryGetValue(eventId, out var known))
            return known;
        var chain = new HashSet<EventId>();
        foreach (var authEvent in Get(eventId).AuthEvents)
        {
            chain.Add(authEvent);
            chain.UnionWith(AuthChain(authEvent));
        }
        return _authChains[eventId] = chain;
    }

    /// <summary>With the reading of "auth chain of a state" that AuthDifference documents: the state's own events are
    /// in it.</summary>
    private HashSet<EventId> AuthDifference(IReadOnlyList<StateDictionary> states)
    {
        var fullAuthChains = states
            .Select(state => state.Values.SelectMany(AuthChain).Concat(state.Values).ToHashSet())
            .ToList();
        var union = fullAuthChains.SelectMany(chain => chain).ToHashSet();
        union.RemoveWhere(eventId => fullAuthChains.TrueForAll(chain => chain.Contains(eventId)));
        return union;
    }

    private HashSet<EventId> ConflictedStateSubgraph(HashSet<EventId> conflicted)
    {
        var subgraph = new HashSet<EventId>();
        foreach (var from in conflicted)
        {
            foreach (var to in conflicted)
            {
                if (from != to && !AuthChain(from).Contains(to))
                    continue;
                // Everything on a path: what the upper end leads to, and what leads to the lower end.
                subgraph.Add(from);
                subgraph.Add(to);
                subgraph.UnionWith(AuthChain(from).Where(between => AuthChain(between).Contains(to)));
            }
        }
        return subgraph;
    }

    private bool IsPowerEvent(EventId eventId)
    {
        var pdu = Get(eventId);
        return pdu.Type is "m.room.power_levels" or "m.room.join_rules"
            || (pdu.Type == "m.room.member"
                && pdu.Content.GetProperty("membership").GetString() is "leave" or "ban"
                && pdu.Sender.Value != pdu.StateKey);
    }

    private EventId? PowerLevelsOf(EventId eventId)
    {
        foreach (var authEvent in Get(eventId).AuthEvents)
        {
            if (Get(authEvent) is { Type: "m.room.power_levels", StateKey: "" })
                return authEvent;
        }
        return null;
    }

    private long SenderLevel(EventId eventId)
    {
        var powerLevels = PowerLevelsOf(eventId);
        return PowerLevels.From(powerLevels is { } found ? Get(found) : null, create).UserLevel(Get(eventId).Sender);
    }

    private List<EventId> ReverseTopologicalPowerOrdering(HashSet<EventId> events)
    {
        var sorted = new List<EventId>();
        while (sorted.Count < events.Count)
        {
            sorted.Add(events
                .Where(candidate => !sorted.Contains(candidate)
                    && Get(candidate).AuthEvents.All(authEvent =>
                        !events.Contains(authEvent) || sorted.Contains(authEvent)))
                .OrderByDescending(SenderLevel)
                .ThenBy(candidate => Get(candidate).OriginServerTs)
                .ThenBy(candidate => candidate.Value, StringComparer.Ordinal)
                .First());
        }
        return sorted;
    }

    private List<EventId> MainlineOrdering(IEnumerable<EventId> events, EventId? powerLevels)
    {
        var mainline = new List<EventId>();
        for (var p = powerLevels; p is not null; p = PowerLevelsOf(p.Value))
            mainline.Add(p.Value);
        int Position(EventId e)
        {
            for (var next = PowerLevelsOf(e); next is not null; next = PowerLevelsOf(next.Value))
            {
                if (mainline.Contains(next.Value))
                    return mainline.IndexOf(next.Value);
            }
            return int.MaxValue;
        }
        return [.. events
            .OrderByDescending(Position)
            .ThenBy(eventId => Get(eventId).OriginServerTs)
            .ThenBy(eventId => eventId.Value, StringComparer.Ordinal)];
    }

    private StateDictionary IterativeAuthChecks(StateDictionary initial, List<EventId> sorted)
    {
        var state = new StateDictionary(initial);
        foreach (var eventId in sorted)
        {
            var pdu = Get(eventId);
            var lookup = new Lookup(tuple =>
            {
                if (state.TryGetValue(tuple, out var inState))
                    return Get(inState);
                foreach (var authEvent in pdu.AuthEvents)
                {
                    if (find(authEvent) is { IsRejected: false, Pdu: var candidate } && candidate.StateTuple == tuple)
                        return candidate;
                }
                return null;
            });
            if (EventAuthorisation.Check(pdu, lookup, create).IsAllowed)
                state[pdu.StateTuple!.Value] = eventId;
        }
        return state;
    }

    internal sealed class Lookup(Func<StateTuple, Pdu?> get) : IAuthState
    {
        public Pdu? Get(StateTuple tuple) => get(tuple);
    }
}
