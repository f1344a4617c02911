namespace Matrix.EventSourced.EventStore.EventStoreDb;

/// <summary>Ids of recent records, so that an append of the same ids is answered with the first one whatever is
/// expected.</summary>
/// <remarks>
/// A node compares ids only where the expected revision is any, or has been passed: an append at exactly the last
/// revision is taken even if the stream holds the same id already. The port promises more, so the newest records of the
/// log are remembered here: those before the first append of this process by reading backwards once, later ones as the
/// process's subscription says them or the node acknowledges them.
/// LIMIT: what is older than that is the node's own judgement; see the README.
/// </remarks>
internal sealed class KnownIds(
    Func<CancellationToken, IAsyncEnumerable<LogRecord>> readBackwards, int idsMax)
{
    /// <summary>LIMIT: how much of the log is read before the first append. Ours: less than a second.</summary>
    private const int ReadMax = 16_384;

    private readonly Lock _lock = new();
    private readonly Dictionary<(string Stream, Guid Id), (long Revision, LogPosition Position)> _known = [];
    private readonly Queue<(string Stream, Guid Id)> _order = [];
    private bool _isRead;

    /// <summary>Makes sure that the end of the log is known. Requires: one caller at a time.</summary>
    public async ValueTask ReadAsync(CancellationToken cancellationToken)
    {
        if (_isRead)
            return;
        var read = new List<LogRecord>();
        await foreach (var record in readBackwards(cancellationToken))
        {
            if (!record.Stream.IsSystem)
                read.Add(record);
            if (read.Count == Math.Min(ReadMax, idsMax))
                break;
        }
        for (var i = read.Count - 1; i >= 0; i--)
            Add(read[i].Stream.Value, read[i].RecordId, read[i].Revision, read[i].Position);
        _isRead = true;
    }

    public void Add(LogRecord record)
    {
        if (record.Type == "$streamDeleted")
            Forget(record.Stream.Value);
        else if (!record.Stream.IsSystem)
            Add(record.Stream.Value, record.RecordId, record.Revision, record.Position);
    }

    public void Add(string stream, Guid id, long revision, LogPosition position)
    {
        lock (_lock)
        {
            if (!_known.TryAdd((stream, id), (revision, position)))
                return;
            _order.Enqueue((stream, id));
            while (_order.Count > idsMax)
                _known.Remove(_order.Dequeue());
        }
    }

    /// <summary>What is known of an append: how many of its ids, where its first record would have to stand for them
    /// to be one append, and where the last id stands.</summary>
    public (int Count, long FirstRevision, AppendResult.Appended? Last) Find(
        string stream, IReadOnlyList<NewRecord> records)
    {
        lock (_lock)
        {
            var (count, first) = (0, 0L);
            AppendResult.Appended? last = null;
            for (var i = 0; i < records.Count; i++)
            {
                if (!_known.TryGetValue((stream, records[i].RecordId), out var found))
                    continue;
                if (count++ == 0)
                    first = found.Revision - i;
                last = new AppendResult.Appended(found.Revision, found.Position);
            }
            return (count, first, last);
        }
    }

    /// <summary>A stream was closed for good: its ids mean nothing any more.</summary>
    public void Forget(string stream)
    {
        lock (_lock)
        {
            foreach (var key in _known.Keys.Where(key => key.Stream == stream).ToArray())
                _known.Remove(key);
        }
    }
}
