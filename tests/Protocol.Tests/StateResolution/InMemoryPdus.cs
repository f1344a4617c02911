using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.State;
using Matrix.EventSourced.Protocol.StateResolution;

namespace Matrix.EventSourced.Protocol.Tests.StateResolution;

/// <summary>The PDUs of a test's room, with a count of what was read.</summary>
internal sealed class InMemoryPdus : IPduSource
{
    private readonly Dictionary<EventId, KnownPdu> _eventIdToPdu = [];
    private readonly Dictionary<EventId, List<StateEntry>> _eventIdToCiting = [];

    public int Reads { get; private set; }

    public int CitationsRead { get; private set; }

    public IReadOnlyCollection<KnownPdu> All => _eventIdToPdu.Values;

    public KnownPdu this[EventId eventId] => _eventIdToPdu[eventId];

    public void Add(Pdu pdu, bool isRejected = false)
    {
        _eventIdToPdu.Add(pdu.EventId, new(pdu, isRejected));
        foreach (var authEvent in pdu.AuthEvents)
        {
            if (!_eventIdToCiting.TryGetValue(authEvent, out var citing))
                _eventIdToCiting[authEvent] = citing = [];
            citing.Add(new(pdu.StateTuple!.Value, pdu.EventId));
        }
    }

    /// <summary>Forgets the PDU that was added last.</summary>
    public void RemoveLast(EventId eventId)
    {
        _eventIdToPdu.Remove(eventId, out var known);
        foreach (var authEvent in known.Pdu.AuthEvents)
            _eventIdToCiting[authEvent].RemoveAt(_eventIdToCiting[authEvent].Count - 1);
    }

    public ValueTask<IReadOnlyList<KnownPdu?>> GetAsync(IReadOnlyList<EventId> eventIds)
    {
        Reads += eventIds.Count;
        return new([.. eventIds.Select(eventId =>
            _eventIdToPdu.TryGetValue(eventId, out var known) ? known : (KnownPdu?)null)]);
    }

    public async IAsyncEnumerable<StateEntry> CitedByAsync(EventId eventId)
    {
        await ValueTask.CompletedTask;
        foreach (var citing in _eventIdToCiting.GetValueOrDefault(eventId, []))
        {
            CitationsRead++;
            yield return citing;
        }
    }
}
