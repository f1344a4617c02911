using System.Diagnostics.CodeAnalysis;
using Matrix.EventSourced.Protocol.EventAuth;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;

namespace Matrix.EventSourced.Protocol.StateResolution;

/// <summary>The part of a room's auth DAG that was needed so far, with a dense number for each PDU.</summary>
/// <remarks>
/// Shape: closed under auth_events, and numbered so that a PDU's auth events have smaller numbers than it. Auth chains
/// are bitsets, and walking the numbers downwards is walking the DAG in topological order.
/// Requires: one user at a time. A room's worker may keep it from one resolution to the next; it only grows.
/// Cost: a few dozen bytes per PDU.
/// </remarks>
public sealed class AuthGraph
{
    private const int None = -1;

    private readonly record struct Node(EventId EventId, int[] AuthEvents, int PowerLevels, bool IsPowerLevels);

    private readonly Dictionary<EventId, int> _eventIdToIndex = [];
    private readonly List<Node> _nodes = [];

    public int Count => _nodes.Count;

    public bool TryGetIndex(EventId eventId, out int index) => _eventIdToIndex.TryGetValue(eventId, out index);

    public EventId EventIdOf(int index) => _nodes[index].EventId;

    public IReadOnlyList<int> AuthEventsOf(int index) => _nodes[index].AuthEvents;

    /// <summary>The power levels PDU among the auth events.</summary>
    public bool TryGetPowerLevelsOf(int index, out int powerLevels)
    {
        powerLevels = _nodes[index].PowerLevels;
        return powerLevels != None;
    }

    /// <summary>Adds these PDUs with their whole auth chains. Cost: one batch of reads per layer that is new.</summary>
    internal async ValueTask LoadAsync(IEnumerable<EventId> eventIds, PduCache pdus)
    {
        var wanted = new List<EventId>();
        var seen = new HashSet<EventId>();
        foreach (var eventId in eventIds)
            Want(eventId, seen, wanted);
        var found = new Dictionary<EventId, Pdu>();
        while (wanted.Count > 0)
        {
            await pdus.LoadAsync(wanted);
            var layer = wanted;
            wanted = [];
            foreach (var eventId in layer)
            {
                if (!pdus.TryGet(eventId, out var known))
                    continue;
                found[eventId] = known.Pdu;
                foreach (var authEvent in known.Pdu.AuthEvents)
                    Want(authEvent, seen, wanted);
            }
        }
        foreach (var eventId in found.Keys)
            AddWithChain(eventId, found);
    }

    /// <summary>The auth chains of these PDUs together; they themselves are in it only where another one's chain has
    /// them.</summary>
    internal IndexSet ChainOf(IEnumerable<int> indices)
    {
        var chain = new IndexSet(Count);
        foreach (var index in indices)
        {
            foreach (var authEvent in _nodes[index].AuthEvents)
                chain.Add(authEvent);
        }
        for (var index = chain.LargestBelow(Count); index >= 0; index = chain.LargestBelow(index))
        {
            foreach (var authEvent in _nodes[index].AuthEvents)
                chain.Add(authEvent);
        }
        return chain;
    }

    private void Want(EventId eventId, HashSet<EventId> seen, List<EventId> wanted)
    {
        if (!_eventIdToIndex.ContainsKey(eventId) && seen.Add(eventId))
            wanted.Add(eventId);
    }

    /// <summary>
    /// Numbers a PDU after its auth events, without recursion: chains are as long as a room is old. An edge that closes
    /// a circle, which only chosen event ids (versions 1, 2) could make, or that leads to an unknown PDU is left out.
    /// </summary>
    private void AddWithChain(EventId start, Dictionary<EventId, Pdu> found)
    {
        var path = new Stack<(Pdu Pdu, int NextAuthEvent)>();
        var onPath = new HashSet<EventId>();
        if (!_eventIdToIndex.ContainsKey(start) && onPath.Add(start))
            path.Push((found[start], 0));
        while (path.TryPop(out var step))
        {
            if (TryFindUnnumbered(step, found, onPath, out var next, out var position))
            {
                path.Push((step.Pdu, position + 1));
                onPath.Add(next.EventId);
                path.Push((next, 0));
                continue;
            }
            Number(step.Pdu);
        }
    }

    private bool TryFindUnnumbered(
        (Pdu Pdu, int NextAuthEvent) step, Dictionary<EventId, Pdu> found, HashSet<EventId> onPath,
        [NotNullWhen(true)] out Pdu? next, out int position)
    {
        for (position = step.NextAuthEvent; position < step.Pdu.AuthEvents.Count; position++)
        {
            var eventId = step.Pdu.AuthEvents[position];
            if (!_eventIdToIndex.ContainsKey(eventId) && !onPath.Contains(eventId)
                && found.TryGetValue(eventId, out next))
                return true;
        }
        next = null;
        return false;
    }

    private void Number(Pdu pdu)
    {
        var authEvents = new List<int>(pdu.AuthEvents.Count);
        var powerLevels = None;
        foreach (var eventId in pdu.AuthEvents)
        {
            if (!_eventIdToIndex.TryGetValue(eventId, out var index))
                continue;
            authEvents.Add(index);
            if (powerLevels == None && _nodes[index].IsPowerLevels)
                powerLevels = index;
        }
        _eventIdToIndex.Add(pdu.EventId, _nodes.Count);
        var isPowerLevels = pdu.Type == EventTypes.PowerLevels && pdu.StateKey is "";
        _nodes.Add(new(pdu.EventId, [.. authEvents], powerLevels, isPowerLevels));
    }
}
