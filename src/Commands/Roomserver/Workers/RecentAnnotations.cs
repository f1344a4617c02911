using Matrix.EventSourced.Commands.Roomserver.Room;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Commands.Roomserver.Workers;

/// <summary>The annotations that a room got last from our users, and that stand. Owned by the room's worker.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #avoiding-duplicate-annotations. Those that were there when a request came are found
/// in the tables before it is queued; this knows those that came meanwhile.
/// </remarks>
internal sealed class RecentAnnotations
{
    private readonly Dictionary<AnnotationKey, EventId> _keyToEventId = [];
    private readonly Dictionary<EventId, AnnotationKey> _eventIdToKey = [];
    private readonly Queue<EventId> _oldestFirst = new();

    public EventId? Find(AnnotationKey key) => _keyToEventId.TryGetValue(key, out var eventId) ? eventId : null;

    public void Remember(AnnotationKey key, EventId eventId)
    {
        _keyToEventId[key] = eventId;
        _eventIdToKey[eventId] = key;
        _oldestFirst.Enqueue(eventId);
        if (_oldestFirst.Count > Limits.RoomAnnotationsMax)
            Redact(_oldestFirst.Dequeue());
    }

    /// <summary>What is redacted may be said again.</summary>
    public void Redact(EventId eventId)
    {
        if (_eventIdToKey.Remove(eventId, out var key) && _keyToEventId[key] == eventId)
            _keyToEventId.Remove(key);
    }

    public void Clear()
    {
        _keyToEventId.Clear();
        _eventIdToKey.Clear();
        _oldestFirst.Clear();
    }
}
