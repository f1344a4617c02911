namespace Matrix.EventSourced.EventStore.Embedded;

/// <summary>Where the embedded log lies, and its bounds.</summary>
public sealed record EmbeddedOptions
{
    /// <summary>The folder that holds the log; made when it is missing. One process at a time opens it.</summary>
    public required string Folder { get; init; }

    /// <summary>How often records outside their stream's bounds are removed from the file.</summary>
    public TimeSpan ScavengeInterval { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>LIMIT: recent records kept for live subscribers. Ours: a second or two of the highest rate.</summary>
    public int RecentRecordsMax { get; init; } = 8192;

    /// <summary>LIMIT: bytes of those records. Ours: a small part of the memory that the server may take when it
    /// idles.</summary>
    public long RecentBytesMax { get; init; } = 16 * 1024 * 1024;

    /// <summary>LIMIT: streams whose last revision is kept in memory. Ours: more than are written to at the same
    /// time.</summary>
    public int StreamHeadsMax { get; init; } = 50_000;

    /// <summary>Called before each step of the writer; an exception from it stands for a disk that fails
    /// there.</summary>
    internal Action<string>? BeforeOperation { get; init; }
}
