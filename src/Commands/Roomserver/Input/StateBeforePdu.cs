using System.Collections.Immutable;
using Matrix.EventSourced.Commands.Roomserver.Room;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.State;
using Matrix.EventSourced.Protocol.StateResolution;

namespace Matrix.EventSourced.Commands.Roomserver.Input;

/// <summary>Works out states of the room's graph: before a PDU, after it, between several.</summary>
/// <remarks>
/// Spec: v1.19 server-server-api #room-state-resolution, #rejection (the state after a rejected PDU is the one before
/// it).
/// Cost: nothing for a PDU on the room's heads; one look-up of the prev_events else, and a resolution where their
/// states differ.
/// </remarks>
internal sealed class RoomStates(KnownPdus pdus, IStateNodeReader nodes, AuthGraph graph)
{
    private readonly Dictionary<StateRoot, StateMap> _rootToMap = [];

    /// <summary>Makes a map that this input made findable by its root before it is stored.</summary>
    public void Keep(StateMap map) => _rootToMap[map.Root] = map;

    /// <summary>The state before a PDU from its prev_events; what is not known of those, else.</summary>
    public async ValueTask<(StateMap? Before, ImmutableArray<EventId> Missing)> BeforeAsync(RoomState room, Pdu pdu)
    {
        if (AreTheHeads(room, pdu))
            return (room.Current, []);
        await pdus.LoadAsync(pdu.PrevEvents);
        var missing = ImmutableArray.CreateBuilder<EventId>();
        var states = new List<StateMap>(pdu.PrevEvents.Count);
        foreach (var prevEvent in pdu.PrevEvents)
        {
            if (await pdus.FindAsync(prevEvent) is { HasState: true } known)
                states.Add(await AfterAsync(known));
            else
                missing.Add(prevEvent);
        }
        if (missing.Count > 0)
            return (null, missing.ToImmutable());
        // Only a create PDU has no prev_events; any other comes from nowhere, and no state lets it in.
        return states.Count == 0 ? (StateMap.Empty, []) : (await ResolveAsync(room, states), []);
    }

    /// <summary>The state after all of these PDUs.</summary>
    public async ValueTask<StateMap> AfterAllAsync(RoomState room, IReadOnlyList<EventId> eventIds)
    {
        await pdus.LoadAsync(eventIds);
        var states = new List<StateMap>(eventIds.Count);
        foreach (var eventId in eventIds)
        {
            var known = await pdus.FindAsync(eventId);
            Protocol.Invariant.Holds(known is { HasState: true }, "a forward extremity has a state");
            states.Add(await AfterAsync(known));
        }
        return await ResolveAsync(room, states);
    }

    /// <summary>The map of a state that another server told us; what is not known of it, else.</summary>
    public async ValueTask<(StateMap? Map, ImmutableArray<EventId> Missing)> OfAsync(IReadOnlyList<EventId> eventIds)
    {
        await pdus.LoadAsync(eventIds);
        var missing = ImmutableArray.CreateBuilder<EventId>();
        var entries = new Dictionary<StateTuple, EventId>(eventIds.Count);
        foreach (var eventId in eventIds)
        {
            if (await pdus.FindAsync(eventId) is not { } known)
                missing.Add(eventId);
            else if (!known.IsRejected && known.Pdu.StateTuple is { } tuple)
                entries[tuple] = eventId;
        }
        if (missing.Count > 0)
            return (null, missing.ToImmutable());
        var map = StateMap.FromEntries(entries.Select(entry => new StateEntry(entry.Key, entry.Value)));
        Keep(map);
        return (map, []);
    }

    /// <summary>The map of a root that is stored, or was made here.</summary>
    public async ValueTask<StateMap> LoadAsync(StateRoot root)
    {
        if (!_rootToMap.TryGetValue(root, out var map))
            _rootToMap[root] = map = await StateMap.LoadAsync(root, nodes);
        return map;
    }

    private async ValueTask<StateMap> AfterAsync(DecidedBefore known)
    {
        var before = await LoadAsync(known.StateBefore);
        if (known.IsRejected || known.Pdu.StateTuple is not { } tuple)
            return before;
        var after = await before.SetAsync(tuple, known.Pdu.EventId);
        Keep(after);
        return after;
    }

    private async ValueTask<StateMap> ResolveAsync(RoomState room, List<StateMap> states)
    {
        if (states.Count == 1)
            return states[0];
        var resolved = await StateResolver.ResolveAsync(states, room.Create, pdus, graph);
        Keep(resolved);
        return resolved;
    }

    private static bool AreTheHeads(RoomState room, Pdu pdu)
    {
        var heads = room.ForwardExtremities;
        if (heads.IsEmpty || pdu.PrevEvents.Count != heads.Length)
            return false;
        foreach (var prevEvent in pdu.PrevEvents)
        {
            if (!heads.Contains(prevEvent))
                return false;
        }
        return true;
    }
}
