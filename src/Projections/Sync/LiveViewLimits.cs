namespace Matrix.EventSourced.Projections.Sync;

/// <summary>What is kept in memory for /sync.</summary>
/// <remarks>Ours: enough for an hour of a busy server's traffic or for the longest usual gap between two polls, within
/// tens of megabytes.</remarks>
public sealed record LiveViewLimits
{
    /// <summary>LIMIT: PDUs kept for all rooms together.</summary>
    public int EventsMax { get; init; } = 20_000;

    /// <summary>LIMIT: bytes of their JSON.</summary>
    public long BytesMax { get; init; } = 32 * 1024 * 1024;

    /// <summary>LIMIT: users whose rooms are kept; the longest unused go first.</summary>
    public int UsersMax { get; init; } = 10_000;
}
