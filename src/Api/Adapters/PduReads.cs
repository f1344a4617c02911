using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Api.Adapters;

/// <summary>Looks up PDUs by id, with one question to the tables for all who ask at the same time.</summary>
/// <remarks>
/// <code>
///   room A ─► ask ──────────► one question under way
///   room B ─► ask ─┐
///   room C ─► ask ─┴─ wait ─► the next question, for both
/// </code>
/// A transaction of another server has a PDU for each of fifty rooms, whose workers all ask at once whether theirs is
/// known: one wait for the projection and one round trip instead of fifty.
/// Ensures: each answer was read after it was asked for.
/// </remarks>
internal sealed class PduReads(IRoomserverQueries queries)
{
    /// <summary>LIMIT: ids of one shared question. Ours: more are a question of their own, so that nobody waits for
    /// the PDUs of others to be read.</summary>
    private const int SharedMax = 256;

    private readonly Lock _lock = new();
    private readonly List<Asked> _waiting = [];
    private bool _isAsking;

    /// <summary>Those of the PDUs that are known, in no order.</summary>
    public ValueTask<IReadOnlyList<RoomserverPdu>> FindAsync(IReadOnlyList<EventId> eventIds)
    {
        if (eventIds.Count is 0 or > SharedMax)
            return queries.FindPdusAsync(eventIds);
        var asked = new Asked(eventIds);
        bool isFirst;
        lock (_lock)
        {
            _waiting.Add(asked);
            isFirst = !_isAsking;
            _isAsking = true;
        }
        if (isFirst)
            _ = AskForAllAsync();
        return new ValueTask<IReadOnlyList<RoomserverPdu>>(asked.Task);
    }

    private async Task AskForAllAsync()
    {
        while (Take() is { } part)
        {
            try
            {
                await AskAsync(part);
            }
            catch (Exception e)
            {
                foreach (var asked in part)
                    asked.TrySetException(e);
            }
        }
    }

    private async ValueTask AskAsync(List<Asked> part)
    {
        if (part is [var only])
        {
            only.SetResult(await queries.FindPdusAsync(only.EventIds));
            return;
        }
        var wanted = new HashSet<EventId>();
        foreach (var asked in part)
            wanted.UnionWith(asked.EventIds);
        var idToFound = new Dictionary<EventId, RoomserverPdu>();
        foreach (var found in await queries.FindPdusAsync([.. wanted]))
            idToFound[found.EventId] = found;
        foreach (var asked in part)
        {
            var found = new List<RoomserverPdu>(asked.EventIds.Count);
            foreach (var eventId in asked.EventIds)
            {
                if (idToFound.TryGetValue(eventId, out var pdu))
                    found.Add(pdu);
            }
            asked.SetResult(found);
        }
    }

    /// <summary>Those whose turn it is; null, and nobody asks any more, where nobody waits.</summary>
    private List<Asked>? Take()
    {
        lock (_lock)
        {
            if (_waiting.Count == 0)
            {
                _isAsking = false;
                return null;
            }
            var ids = 0;
            var count = 0;
            while (count < _waiting.Count && (ids += _waiting[count].EventIds.Count) <= SharedMax)
                count++;
            var part = _waiting.GetRange(0, count);
            _waiting.RemoveRange(0, count);
            return part;
        }
    }

    private sealed class Asked(IReadOnlyList<EventId> eventIds)
        : TaskCompletionSource<IReadOnlyList<RoomserverPdu>>(TaskCreationOptions.RunContinuationsAsynchronously)
    {
        public IReadOnlyList<EventId> EventIds { get; } = eventIds;
    }
}
