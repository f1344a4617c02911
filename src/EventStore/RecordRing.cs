namespace Matrix.EventSourced.EventStore;

/// <summary>The newest records of the log, bounded in number and in bytes; the oldest go first.</summary>
/// <remarks>
/// Shape: holds every record after <see cref="Gone"/>, in order; positions grow and are not always dense.
/// LOCK: none of its own; its owner's.
/// </remarks>
// HOT
internal sealed class RecordRing(LogPosition gone, int recordsMax, long bytesMax)
{
    private readonly LogRecord?[] _ring = new LogRecord?[recordsMax];
    private long _first;
    private long _next;
    private long _bytes;

    /// <summary>Up to here nothing is held any more.</summary>
    public LogPosition Gone { get; private set; } = gone;

    public void Add(LogRecord record)
    {
        _bytes += SizeOf(record);
        while (_next - _first == _ring.Length || (_bytes > bytesMax && _next > _first))
        {
            var oldest = At(_first);
            _ring[_first % _ring.Length] = null;
            _bytes -= SizeOf(oldest);
            Gone = oldest.Position;
            _first++;
        }
        _ring[_next % _ring.Length] = record;
        _next++;
    }

    /// <summary>Copies records after a position, and says whether they are the newest; null when some of them are no
    /// longer here.</summary>
    public (int Count, bool IsEnd)? TryRead(LogPosition after, Span<LogRecord> destination)
    {
        if (after < Gone)
            return null;
        var start = FirstAfter(after);
        var count = (int)Math.Min(destination.Length, _next - start);
        for (var i = 0; i < count; i++)
            destination[i] = At(start + i);
        return (count, start + count == _next);
    }

    /// <summary>Puts other data in the place of a record's, if it is still here.</summary>
    public void Rewrite(LogPosition position, ReadOnlyMemory<byte> data)
    {
        var index = FirstAfter(new LogPosition(Math.Max(position.Value, 1) - 1));
        if (index >= _next || At(index).Position != position)
            return;
        _bytes += data.Length - At(index).Data.Length;
        _ring[index % _ring.Length] = At(index) with { Data = data };
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
