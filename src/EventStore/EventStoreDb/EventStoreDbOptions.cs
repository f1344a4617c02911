namespace Matrix.EventSourced.EventStore.EventStoreDb;

/// <summary>How the engine connects, and its bounds.</summary>
public sealed record EventStoreDbOptions
{
    public required ConnectionSettings Connection { get; init; }

    /// <summary>Where the jitter of waits and the choice among nodes come from.</summary>
    public required Random Random { get; init; }

    /// <summary>LIMIT: the longest wait between two attempts to reach a node. Ours: a node that comes back is noticed
    /// within seconds.</summary>
    public TimeSpan BackoffMax { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How often it is said that a node is waited for.</summary>
    public TimeSpan ProgressEvery { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>LIMIT: appends on their way to the node. Ours: far more than a node writes with one flush.</summary>
    public int InFlightMax { get; init; } = 512;

    /// <summary>LIMIT: recent records kept for live subscribers. Ours: as the embedded engine's.</summary>
    public int RecentRecordsMax { get; init; } = 8192;

    /// <summary>LIMIT: bytes of those records. Ours: as the embedded engine's.</summary>
    public long RecentBytesMax { get; init; } = 16 * 1024 * 1024;

    /// <summary>LIMIT: record ids remembered so that none is appended twice. Ours: hours of a busy server in less than
    /// 10 MiB.</summary>
    public int RecentIdsMax { get; init; } = 65_536;
}
