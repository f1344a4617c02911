using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.State;

namespace Matrix.EventSourced.Protocol.StateResolution;

/// <summary>The partially resolved state: what was decided so far, over a map that it began with or over
/// nothing.</summary>
internal sealed class PartialState(Conflict conflict, bool startsUnconflicted)
{
    private readonly Dictionary<StateTuple, EventId> _decided = [];

    public ValueTask<EventId?> GetAsync(StateTuple tuple)
    {
        if (_decided.TryGetValue(tuple, out var eventId))
            return new(eventId);
        return startsUnconflicted ? conflict.GetUnconflictedAsync(tuple) : new((EventId?)null);
    }

    public void Set(StateTuple tuple, EventId eventId) => _decided[tuple] = eventId;

    /// <summary>The last step: what all states agreed upon stays, the rest is what was decided.</summary>
    /// <remarks>Cost: what was in conflict; the map shares all else with the first state.</remarks>
    public async ValueTask<StateMap> ToResolvedAsync()
    {
        var map = conflict.Base;
        foreach (var tuple in conflict.Tuples)
        {
            if (!_decided.ContainsKey(tuple))
                map = await map.RemoveAsync(tuple);
        }
        foreach (var (tuple, eventId) in _decided)
        {
            if (await conflict.GetUnconflictedAsync(tuple) is null)
                map = await map.SetAsync(tuple, eventId);
        }
        return map;
    }
}
