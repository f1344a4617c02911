using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Federation.ServerKeyApi;

/// <summary>Keys in memory, and who is being asked.</summary>
/// <remarks>When full, whoever came first goes. LOCK: a leaf.</remarks>
internal sealed class ServerKeyCache
{
    private readonly Lock _lock = new();
    private readonly Dictionary<ServerName, Entry> _serverToEntry = [];
    private readonly Queue<ServerName> _servers = new();

    /// <summary>True once the log was asked, though it may have had nothing.</summary>
    public bool TryFind(ServerName server, out KnownServerKeys? keys)
    {
        lock (_lock)
        {
            keys = _serverToEntry.TryGetValue(server, out var entry) ? entry.Keys : null;
            return entry is { IsRead: true };
        }
    }

    public void Set(ServerName server, KnownServerKeys keys)
    {
        lock (_lock)
        {
            var entry = Get(server);
            (entry.Keys, entry.IsRead) = (keys, true);
        }
    }

    /// <summary>Takes what the log had, unless somebody knew better meanwhile.</summary>
    public KnownServerKeys? SetIfUnknown(ServerName server, KnownServerKeys? keys)
    {
        lock (_lock)
        {
            var entry = Get(server);
            if (!entry.IsRead)
                (entry.Keys, entry.IsRead) = (keys, true);
            return entry.Keys;
        }
    }

    /// <summary>The one request to this server; null while it is left alone.</summary>
    public (bool IsMine, TaskCompletionSource Done)? BeginFetch(ServerName server, DateTimeOffset now)
    {
        lock (_lock)
        {
            var entry = Get(server);
            if (entry.Fetch is { } underWay)
                return (false, underWay);
            if (now < entry.NotBefore)
                return null;
            entry.Fetch = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return (true, entry.Fetch);
        }
    }

    public void EndFetch(ServerName server, bool isFound, DateTimeOffset now)
    {
        lock (_lock)
        {
            var entry = Get(server);
            entry.Fetch = null;
            entry.Failures = isFound ? 0 : entry.Failures + 1;
            var pause = isFound
                ? ServerKeyLimits.PauseAfterAnswer
                : ServerKeyLimits.PauseAfterFailure * Math.Pow(2, Math.Min(entry.Failures - 1, 12));
            entry.NotBefore = now + (pause < ServerKeyLimits.PauseMax ? pause : ServerKeyLimits.PauseMax);
        }
    }

    private Entry Get(ServerName server)
    {
        if (_serverToEntry.TryGetValue(server, out var entry))
            return entry;
        while (_serverToEntry.Count >= ServerKeyLimits.ServersMax)
            _serverToEntry.Remove(_servers.Dequeue());
        _servers.Enqueue(server);
        return _serverToEntry[server] = new Entry();
    }

    private sealed class Entry
    {
        public KnownServerKeys? Keys { get; set; }

        public bool IsRead { get; set; }

        public TaskCompletionSource? Fetch { get; set; }

        public int Failures { get; set; }

        public DateTimeOffset NotBefore { get; set; }
    }
}
