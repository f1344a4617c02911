namespace Matrix.EventSourced.EventStore.Embedded;

/// <summary>The newest records of the log, in memory, and the signal that there are more: what live subscribers
/// read.</summary>
/// <remarks>
/// <code>
///   writer ── Publish ──►  [ p7 | p8 | p9 | p10 ]  ◄── TryRead(after p8) ── subscriber
///                            oldest …… head            → p9, p10
///                          a subscriber that asks for what is gone fell behind, and reads the file
/// </code>
/// Ensures: head is the last position that every reader can see. Shape: positions grow, and are not always dense.
/// </remarks>
internal sealed class LiveFeed
{
    private readonly Lock _lock = new();
    private readonly RecordRing _ring;
    private ulong _head;
    private TaskCompletionSource? _grown;

    /// <param name="head">The last position of the log as it was opened: what stands up to there is in the file
    /// only.</param>
    /// <param name="recordsMax">So many records are kept.</param>
    /// <param name="bytesMax">So many bytes are kept.</param>
    public LiveFeed(LogPosition head, int recordsMax, long bytesMax)
    {
        _ring = new RecordRing(head, recordsMax, bytesMax);
        _head = head.Value;
    }

    public LogPosition Head => new(Volatile.Read(ref _head));

    /// <summary>Adds what was committed, in order, and wakes whoever waits.</summary>
    public void Publish(List<LogRecord> records)
    {
        if (records.Count == 0)
            return;
        TaskCompletionSource? grown;
        lock (_lock)
        {
            foreach (var record in records)
                _ring.Add(record);
            Volatile.Write(ref _head, records[^1].Position.Value);
            grown = _grown;
            _grown = null;
        }
        grown?.SetResult();
    }

    /// <summary>Copies records after a position; null when some of them are no longer here.</summary>
    public int? TryRead(LogPosition after, Span<LogRecord> destination)
    {
        lock (_lock)
        {
            return _ring.TryRead(after, destination)?.Count;
        }
    }

    /// <summary>Ends when the log goes on beyond a position.</summary>
    public Task WaitBeyondAsync(LogPosition position)
    {
        lock (_lock)
        {
            if (_head > position.Value)
                return Task.CompletedTask;
            _grown ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return _grown.Task;
        }
    }

    /// <summary>Puts other data in the place of a record's, if it is still here.</summary>
    public void Rewrite(LogPosition position, ReadOnlyMemory<byte> data)
    {
        lock (_lock)
            _ring.Rewrite(position, data);
    }
}
