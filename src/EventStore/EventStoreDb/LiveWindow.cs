namespace Matrix.EventSourced.EventStore.EventStoreDb;

/// <summary>The newest records as the process's one subscription said them: what live subscribers read.</summary>
/// <remarks>Shape: holds every record in (gone, head]; positions grow and are not dense.</remarks>
// HOT
internal sealed class LiveWindow(LogPosition from, int recordsMax, long bytesMax)
{
    private readonly Lock _lock = new();
    private readonly LogRecord?[] _ring = new LogRecord?[recordsMax];
    private long _first;
    private long _next;
    private long _bytes;
    private LogPosition _gone = from;
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
            return position >= _gone;
    }

    public void Publish(LogRecord record)
    {
        TaskCompletionSource? grown;
        lock (_lock)
        {
            Add(record);
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
            if (after < _gone)
                return null;
            var start = FirstAfter(after);
            var count = (int)Math.Min(destination.Length, _next - start);
            for (var i = 0; i < count; i++)
                destination[i] = At(start + i);
            var isHead = start + count == _next;
            return (count, isHead ? LogPosition.Max(_head, after) : destination[count - 1].Position, isHead);
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

    private void Add(LogRecord record)
    {
        _bytes += SizeOf(record);
        while (_next - _first == _ring.Length || (_bytes > bytesMax && _next > _first))
        {
            var oldest = At(_first);
            _ring[_first % _ring.Length] = null;
            _bytes -= SizeOf(oldest);
            _gone = oldest.Position;
            _first++;
        }
        _ring[_next % _ring.Length] = record;
        _next++;
    }

    /// <summary>The index of the first record after a position, by halving.</summary>
    private long FirstAfter(LogPosition position)
    {
        var (low, high) = (_first, _next);
        while (low < high)
        {
            var middle = low + ((high - low) / 2);
            if (At(middle).Position > position)
                high = middle;
            else
                low = middle + 1;
        }
        return low;
    }

    private LogRecord At(long index) => _ring[index % _ring.Length]!;

    private static long SizeOf(LogRecord record) => 200 + record.Data.Length + record.Metadata.Length;
}
