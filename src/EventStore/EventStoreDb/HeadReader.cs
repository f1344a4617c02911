namespace Matrix.EventSourced.EventStore.EventStoreDb;

/// <summary>Reads the head of the log: one read in flight serves everybody who came before it began.</summary>
/// <remarks>
/// <code>
///   caller ── nobody reads ──► begins a read
///          ── one reads    ──► joins the next: the one under way may have looked before the caller's own write
/// </code>
/// Ensures: never less than what this process has seen or had acknowledged.
/// </remarks>
internal sealed class HeadReader(Func<CancellationToken, ValueTask<LogPosition>> read)
{
    private readonly Lock _lock = new();
    private Task<LogPosition>? _current;
    private Task<LogPosition>? _next;
    private ulong _known;

    public LogPosition Known => new(Volatile.Read(ref _known));

    /// <summary>A position that the log has certainly reached.</summary>
    public void Reached(LogPosition position)
    {
        var known = Volatile.Read(ref _known);
        while (position.Value > known)
        {
            var found = Interlocked.CompareExchange(ref _known, position.Value, known);
            if (found == known)
                return;
            known = found;
        }
    }

    public ValueTask<LogPosition> ReadAsync(CancellationToken cancellationToken)
    {
        Task<LogPosition> joined;
        lock (_lock)
        {
            if (_current is null)
                joined = _current = RunAsync(null);
            else
                joined = _next ??= RunAsync(_current);
        }
        return new(joined.WaitAsync(cancellationToken));
    }

    private async Task<LogPosition> RunAsync(Task<LogPosition>? before)
    {
        await Task.Yield();
        if (before is not null)
        {
            await before.ContinueWith(
                static _ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
            lock (_lock)
                (_current, _next) = (_next, null);
        }
        try
        {
            // Shared: the token of one of those who wait ends nobody else's read.
            Reached(await read(CancellationToken.None));
            return Known;
        }
        finally
        {
            lock (_lock)
            {
                // Whoever waits for the next takes over by himself.
                if (_next is null)
                    _current = null;
            }
        }
    }
}
