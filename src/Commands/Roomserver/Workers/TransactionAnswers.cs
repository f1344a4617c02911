using Matrix.EventSourced.Commands.Roomserver.Room;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Commands.Roomserver.Workers;

/// <summary>The room's latest answers to requests with a transaction id. Owned by the room's worker.</summary>
/// <remarks>
/// Only a shortcut: what it has forgotten, the log itself refuses to append twice (see
/// <see cref="TransactionRecordIds"/>).
/// </remarks>
internal sealed class TransactionAnswers
{
    private readonly Dictionary<TransactionKey, EventId> _keyToEventId = [];
    private readonly Queue<TransactionKey> _oldestFirst = new();

    public EventId? Find(TransactionKey key) => _keyToEventId.TryGetValue(key, out var eventId) ? eventId : null;

    public void Remember(TransactionKey key, EventId eventId)
    {
        if (!_keyToEventId.TryAdd(key, eventId))
            return;
        _oldestFirst.Enqueue(key);
        if (_oldestFirst.Count > Limits.RoomTransactionsMax)
            _keyToEventId.Remove(_oldestFirst.Dequeue());
    }
}
