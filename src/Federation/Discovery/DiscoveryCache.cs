namespace Matrix.EventSourced.Federation.Discovery;

/// <summary>Keeps what was found, and lets only one ask for the same thing at a time.</summary>
/// <remarks>Shape: when full, the entries that were made first go. LOCK: a leaf.</remarks>
internal sealed class DiscoveryCache<T>
    where T : class
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, Entry> _keyToEntry = new(StringComparer.OrdinalIgnoreCase);
    private readonly Queue<string> _keys = new();

    /// <summary>The kept value while it is fresh; else the one that is made from the stale one.</summary>
    public async ValueTask<T> FindOrMakeAsync(
        string key, Func<T, bool> isFresh, Func<T?, Task<T>> make, CancellationToken cancellationToken)
    {
        TaskCompletionSource<T>? mine = null;
        Task<T> pending;
        T? stale;
        lock (_lock)
        {
            var entry = Get(key);
            stale = entry.Value;
            if (stale is not null && isFresh(stale))
                return stale;
            if (entry.Making is not { } making)
            {
                mine = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
                entry.Making = making = mine.Task;
            }
            pending = making;
        }
        if (mine is not null)
            _ = MakeAsync(key, stale, make, mine);
        return await pending.WaitAsync(cancellationToken);
    }

    private async Task MakeAsync(string key, T? stale, Func<T?, Task<T>> make, TaskCompletionSource<T> mine)
    {
        try
        {
            var made = await make(stale);
            lock (_lock)
            {
                var entry = Get(key);
                (entry.Value, entry.Making) = (made, null);
            }
            mine.SetResult(made);
        }
        catch (Exception problem)
        {
            lock (_lock)
                Get(key).Making = null;
            mine.SetException(problem);
        }
    }

    private Entry Get(string key)
    {
        if (_keyToEntry.TryGetValue(key, out var entry))
            return entry;
        while (_keyToEntry.Count >= DiscoveryLimits.CacheEntriesMax)
            _keyToEntry.Remove(_keys.Dequeue());
        _keys.Enqueue(key);
        return _keyToEntry[key] = new Entry();
    }

    private sealed class Entry
    {
        public T? Value { get; set; }

        public Task<T>? Making { get; set; }
    }
}
