using Matrix.EventSourced.Protocol.EventAuth;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.State;
using Matrix.EventSourced.Protocol.StateResolution;

namespace Matrix.EventSourced.Simulation.Tests;

/// <summary>A PDU with all that follows from its ancestors alone.</summary>
internal sealed record OraclePdu(Pdu Pdu, Dictionary<StateTuple, EventId> StateBefore, string? Rejected);

/// <summary>One room, worked out from nothing but its PDUs: no deltas, no shared maps, no caches.</summary>
/// <remarks>Slow and obvious on purpose: the state before a PDU is resolved from whole maps, built for it.
/// Spec: v1.19 server-server-api #room-state-resolution, #checks-performed-on-receipt-of-a-pdu, #rejection.</remarks>
internal sealed class OracleRoom : IPduSource
{
    private readonly Dictionary<EventId, OraclePdu> _idToPdu = [];
    private readonly List<OraclePdu> _inOrder = [];
    private readonly Dictionary<EventId, Pdu> _heardOf = [];

    /// <summary>The create PDU; set by the first one.</summary>
    public Pdu Create { get; private set; } = null!;

    public IReadOnlyList<OraclePdu> All => _inOrder;

    public OraclePdu this[EventId eventId] => _idToPdu[eventId];

    public bool Knows(EventId eventId) => _idToPdu.ContainsKey(eventId);

    public bool TryGet(EventId eventId, out OraclePdu? found) => _idToPdu.TryGetValue(eventId, out found);

    /// <summary>Remembers a PDU, for when something rests on it.</summary>
    public void Hear(Pdu pdu) => _heardOf.TryAdd(pdu.EventId, pdu);

    public Pdu? FindHeard(EventId eventId) => _heardOf.GetValueOrDefault(eventId);

    /// <summary>Takes a PDU whose prev_events and auth_events are here, or were heard of.</summary>
    public async ValueTask<OraclePdu> AddAsync(Pdu pdu)
    {
        if (_idToPdu.TryGetValue(pdu.EventId, out var known))
            return known;
        var waiting = new Stack<Pdu>([pdu]);
        while (waiting.TryPeek(out var next))
        {
            var isReady = true;
            foreach (var eventId in next.PrevEvents.Concat(next.AuthEvents).Where(id => !_idToPdu.ContainsKey(id)))
            {
                if (!_heardOf.TryGetValue(eventId, out var earlier))
                    throw new SimulationFailure($"{next.EventId} rests on {eventId}, which nobody ever saw: {next.Json}");
                waiting.Push(earlier);
                isReady = false;
            }
            if (!isReady)
                continue;
            waiting.Pop();
            await AddNextAsync(next);
        }
        return _idToPdu[pdu.EventId];
    }

    private async ValueTask AddNextAsync(Pdu pdu)
    {
        if (_idToPdu.ContainsKey(pdu.EventId))
            return;
        Create ??= pdu;
        var before = await ResolveAsync(pdu.PrevEvents);
        var added = new OraclePdu(pdu, before, FindRejection(pdu, before));
        _idToPdu.Add(pdu.EventId, added);
        _inOrder.Add(added);
    }

    /// <summary>The state after all of these.</summary>
    public async ValueTask<Dictionary<StateTuple, EventId>> ResolveAsync(IEnumerable<EventId> eventIds)
    {
        var maps = new List<StateMap>();
        foreach (var eventId in eventIds)
            maps.Add(MapOf(StateAfter(_idToPdu[eventId])));
        if (maps.Count == 0)
            return [];
        var resolved = await StateResolver.ResolveAsync(maps, Create, this, new AuthGraph());
        var state = new Dictionary<StateTuple, EventId>();
        await foreach (var entry in resolved.EntriesAsync())
            state[entry.Tuple] = entry.EventId;
        return state;
    }

    /// <summary>Why a state does not let a PDU in; null when it does.</summary>
    public string? FindRefusal(Pdu pdu, Dictionary<StateTuple, EventId> state) =>
        EventAuthorisation.Check(pdu, new State(this, state), pdu.IsCreate ? null : Create) is AuthOutcome.Refused no
            ? no.ToString()
            : null;

    public static StateMap MapOf(IEnumerable<KeyValuePair<StateTuple, EventId>> state) =>
        StateMap.FromEntries(state.Select(entry => new StateEntry(entry.Key, entry.Value)));

    public Pdu? Get(Dictionary<StateTuple, EventId> state, StateTuple tuple) =>
        state.TryGetValue(tuple, out var eventId) ? _idToPdu[eventId].Pdu : null;

    public ValueTask<IReadOnlyList<KnownPdu?>> GetAsync(IReadOnlyList<EventId> eventIds) => new(
        [.. eventIds.Select(id => _idToPdu.TryGetValue(id, out var found)
            ? new KnownPdu(found.Pdu, found.Rejected is not null)
            : (KnownPdu?)null)]);

    public async IAsyncEnumerable<StateEntry> CitedByAsync(EventId eventId)
    {
        await ValueTask.CompletedTask;
        foreach (var one in _inOrder)
        {
            if (one.Pdu.StateTuple is { } tuple && one.Pdu.AuthEvents.Contains(eventId))
                yield return new StateEntry(tuple, one.Pdu.EventId);
        }
    }

    private static Dictionary<StateTuple, EventId> StateAfter(OraclePdu one)
    {
        var after = new Dictionary<StateTuple, EventId>(one.StateBefore);
        if (one.Rejected is null && one.Pdu.StateTuple is { } tuple)
            after[tuple] = one.Pdu.EventId;
        return after;
    }

    /// <summary>Why a PDU is rejected on a state before it; null when it is not.</summary>
    public string? FindRejection(Pdu pdu, Dictionary<StateTuple, EventId> before)
    {
        var cited = pdu.AuthEvents.Select(id => _idToPdu[id]).ToList();
        var listed = EventAuthorisation.CheckAuthEvents(
            pdu, [.. cited.Select(one => new AuthEvent(one.Pdu, one.Rejected is not null))]);
        if (listed is AuthOutcome.Refused)
            return listed.ToString();
        var byAuthEvents = new Dictionary<StateTuple, EventId>();
        foreach (var one in cited)
        {
            if (one.Pdu.StateTuple is { } tuple)
                byAuthEvents.TryAdd(tuple, one.Pdu.EventId);
        }
        return FindRefusal(pdu, byAuthEvents) ?? FindRefusal(pdu, before);
    }

    private sealed class State(OracleRoom room, Dictionary<StateTuple, EventId> entries) : IAuthState
    {
        public Pdu? Get(StateTuple tuple) => room.Get(entries, tuple);
    }
}
