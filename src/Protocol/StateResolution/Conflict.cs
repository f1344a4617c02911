using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.State;

namespace Matrix.EventSourced.Protocol.StateResolution;

/// <summary>Step 0: what the states agree upon, and what they do not.</summary>
/// <remarks>
/// Spec: v1.19 rooms/v12 #definitions, "Unconflicted state map and conflicted state set".
/// Shape: the unconflicted map is <see cref="Base"/> without <see cref="Tuples"/>; it is never built.
/// Cost: what differs between the first state and each other one.
/// </remarks>
internal sealed class Conflict
{
    private readonly Dictionary<StateTuple, EventId?> _tupleToUnconflicted = [];

    private Conflict(StateMap @base, HashSet<StateTuple> tuples, List<Dictionary<StateTuple, EventId>> values)
    {
        Base = @base;
        Tuples = tuples;
        Values = values;
    }

    public StateMap Base { get; }

    /// <summary>The tuples that are not in every state with the same value.</summary>
    public IReadOnlySet<StateTuple> Tuples { get; }

    /// <summary>For each state, what it holds for those tuples.</summary>
    public IReadOnlyList<IReadOnlyDictionary<StateTuple, EventId>> Values { get; }

    /// <summary>The conflicted state set, distinct, in a chosen order.</summary>
    public IReadOnlyList<EventId> EventIds { get; private set; } = [];

    /// <param name="states">At least one, with distinct roots.</param>
    public static async ValueTask<Conflict> FindAsync(IReadOnlyList<StateMap> states)
    {
        // What the first state holds for each tuple that another one holds differently, and what those others hold.
        var ofFirst = new Dictionary<StateTuple, EventId?>();
        var changes = new Dictionary<StateTuple, EventId?>[states.Count];
        changes[0] = [];
        for (var index = 1; index < states.Count; index++)
        {
            changes[index] = [];
            await foreach (var difference in StateMap.DiffAsync(states[0], states[index]))
            {
                ofFirst[difference.Tuple] = difference.Before;
                changes[index].Add(difference.Tuple, difference.After);
            }
        }
        var values = new List<Dictionary<StateTuple, EventId>>(states.Count);
        var eventIds = new SortedSet<EventId>();
        foreach (var changed in changes)
        {
            var held = new Dictionary<StateTuple, EventId>(ofFirst.Count);
            foreach (var (tuple, first) in ofFirst)
            {
                if ((changed.TryGetValue(tuple, out var after) ? after : first) is not { } eventId)
                    continue;
                held.Add(tuple, eventId);
                eventIds.Add(eventId);
            }
            values.Add(held);
        }
        return new(states[0], [.. ofFirst.Keys], values) { EventIds = [.. eventIds] };
    }

    /// <summary>The entry of the unconflicted state map.</summary>
    public ValueTask<EventId?> GetUnconflictedAsync(StateTuple tuple)
    {
        if (Tuples.Contains(tuple))
            return new((EventId?)null);
        return _tupleToUnconflicted.TryGetValue(tuple, out var eventId) ? new(eventId) : ReadUnconflictedAsync(tuple);
    }

    private async ValueTask<EventId?> ReadUnconflictedAsync(StateTuple tuple) =>
        _tupleToUnconflicted[tuple] = await Base.GetAsync(tuple);
}
