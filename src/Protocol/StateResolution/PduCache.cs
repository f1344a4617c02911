using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Protocol.StateResolution;

/// <summary>The PDUs that one resolution has read.</summary>
internal sealed class PduCache(IPduSource source)
{
    private readonly Dictionary<EventId, KnownPdu?> _eventIdToPdu = [];

    public IPduSource Source => source;

    public async ValueTask LoadAsync(IEnumerable<EventId> eventIds)
    {
        var missing = new List<EventId>();
        foreach (var eventId in eventIds)
        {
            if (_eventIdToPdu.TryAdd(eventId, null))
                missing.Add(eventId);
        }
        if (missing.Count == 0)
            return;
        var found = await source.GetAsync(missing);
        for (var index = 0; index < missing.Count; index++)
            _eventIdToPdu[missing[index]] = found[index];
    }

    /// <summary>False for a PDU that this server does not have. INVARIANT: it was loaded.</summary>
    public bool TryGet(EventId eventId, out KnownPdu known)
    {
        if (!_eventIdToPdu.TryGetValue(eventId, out var found))
            throw new InvalidOperationException($"State resolution looked at {eventId}, which it did not load.");
        known = found.GetValueOrDefault();
        return found is not null;
    }
}
