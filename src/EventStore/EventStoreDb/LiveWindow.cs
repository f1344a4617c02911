namespace Matrix.EventSourced.EventStore.EventStoreDb;

/// <summary>The newest records as the process's one subscription said them: what live subscribers read.</summary>
/// <remarks>Shape: holds every record in (gone, head]; positions grow and are not dense.</remarks>
// HOT
internal sealed class LiveWindow(LogPosition from, int recordsMax, long bytesMax)
{
    private readonly Lock _lock = new();
    private readonly RecordRing _ring = new(from, recordsMax, bytesMax);
    private LogPosition _head = from;
    private TaskCompletionSource? _grown;

    public LogPosition Head
    {
        get
        {
            lock (_lock)
                return _head;
        }
    }

    /// <summary>Whether nothing after a position is missing here.</summary>
    public bool Covers(LogPosition position)
    {
        lock (_lock)
            return position >= _ring.Gone;
    }

    public void Publish(LogRecord record)
    {
        TaskCompletionSource? grown;
        lock (_lock)
        {
            _ring.Add(record);
            _head = record.Position;
            (grown, _grown) = (_grown, null);
        }
        grown?.SetResult();
    }

    /// <summary>Nothing up to a position has gone unsaid.</summary>
    public void Advance(LogPosition position)
    {
        TaskCompletionSource? grown;
        lock (_lock)
        {
            if (position <= _head)
                return;
            _head = position;
            (grown, _grown) = (_grown, null);
        }
        grown?.SetResult();
    }

    /// <summary>Tells those who wait that the subscription cannot go on for now.</summary>
    public void Fail(EventStoreException problem)
    {
        TaskCompletionSource? grown;
        lock (_lock)
            (grown, _grown) = (_grown, null);
        grown?.SetException(problem);
    }

    /// <summary>Copies records after a position, and says how far they leave nothing unsaid and whether that is the
    /// head; null when some of them are no longer here.</summary>
    public (int Count, LogPosition End, bool IsHead)? TryRead(LogPosition after, Span<LogRecord> destination)
    {
        lock (_lock)
        {
            if (_ring.TryRead(after, destination) is not { } read)
                return null;
            var end = read.IsEnd ? LogPosition.Max(_head, after) : destination[read.Count - 1].Position;
            return (read.Count, end, read.IsEnd);
        }
    }

    /// <summary>Ends when the log goes on beyond a position.</summary>
    public Task WaitBeyondAsync(LogPosition position)
    {
        lock (_lock)
        {
            if (_head > position)
                return Task.CompletedTask;
            _grown ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return _grown.Task;
        }
    }
}
