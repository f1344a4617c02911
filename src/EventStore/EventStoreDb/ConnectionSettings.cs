namespace Matrix.EventSourced.EventStore.EventStoreDb;

/// <summary>Which node of a cluster is talked to.</summary>
public enum NodePreference
{
    /// <summary>The one that writes. Every answer is then the newest; the others may lag.</summary>
    Leader,

    Follower,

    ReadOnlyReplica,

    Random,
}

/// <summary>What a connection string says.</summary>
/// <remarks>Shape: see <see cref="ConnectionString"/>; times are positive, <see cref="KeepAliveInterval"/> is infinite
/// when pings are off. Never printed with the password.</remarks>
public sealed record ConnectionSettings
{
    public required IReadOnlyList<NodeAddress> Hosts { get; init; }

    /// <summary>The hosts are asked which nodes there are; otherwise the one host is the node.</summary>
    public bool Discovers { get; init; }

    public bool UsesTls { get; init; } = true;

    public bool VerifiesCertificate { get; init; } = true;

    /// <summary>A PEM file of the authorities that a node's certificate may come from; null for the
    /// system's.</summary>
    public string? CaFile { get; init; }

    /// <summary>Null: anonymous.</summary>
    public string? User { get; init; }

    public string Password { get; init; } = string.Empty;

    public TimeSpan KeepAliveInterval { get; init; } = TimeSpan.FromSeconds(10);

    public TimeSpan KeepAliveTimeout { get; init; } = TimeSpan.FromSeconds(10);

    public NodePreference Preference { get; init; } = NodePreference.Leader;

    /// <summary>Shown in the node's own list of connections.</summary>
    public string? ConnectionName { get; init; }

    /// <summary>How often all hosts are tried before those who wait are told that there is no node.</summary>
    public int DiscoverAttemptsMax { get; init; } = 10;

    /// <summary>The wait after the first attempt; it doubles from there.</summary>
    public TimeSpan DiscoveryInterval { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>How long a node may take to say who it is.</summary>
    public TimeSpan GossipTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long a node may take over one write.</summary>
    public TimeSpan DefaultDeadline { get; init; } = TimeSpan.FromSeconds(10);

    public override string ToString() =>
        $"esdb{(Discovers ? "+discover" : "")}://{string.Join(",", Hosts)}?tls={(UsesTls ? "true" : "false")}";
}
