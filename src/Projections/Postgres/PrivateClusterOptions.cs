namespace Matrix.EventSourced.Projections.Postgres;

/// <summary>Where the private cluster lives and how it is run.</summary>
public sealed record PrivateClusterOptions
{
    /// <summary>The cluster's own folder; nothing outside it is written. Its parent exists.</summary>
    public required string Folder { get; init; }

    /// <summary>Where <c>postgres</c> and <c>initdb</c> are; null looks for them.</summary>
    public string? BinaryFolder { get; init; }

    /// <summary>False only in tests: a crash of the machine then loses the cluster, which a replay makes
    /// again.</summary>
    public bool IsFsyncOn { get; init; } = true;

    /// <summary>LIMIT: connections that PostgreSQL accepts; each costs it memory, and a server of this size is never
    /// short of them.</summary>
    public int ConnectionCountMax { get; init; } = 40;

    /// <summary>How long an old postmaster of the same folder may take to end, and a new one to be ready.</summary>
    public TimeSpan PatienceMax { get; init; } = TimeSpan.FromSeconds(60);
}

/// <summary>The private cluster cannot be had; the message says what to do, in one line.</summary>
public sealed class PrivateClusterException(string message) : Exception(message);
