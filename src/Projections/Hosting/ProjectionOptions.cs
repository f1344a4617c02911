namespace Matrix.EventSourced.Projections.Hosting;

/// <summary>Bounds of the projection host, each with its reason.</summary>
public sealed record ProjectionOptions
{
    /// <summary>LIMIT: facts in one transaction while following live; more would let those who wait for the first wait
    /// for all.</summary>
    public int LiveBatchMax { get; init; } = 500;

    /// <summary>LIMIT: facts in one transaction while catching up; COPY pays off from about a thousand rows, memory
    /// grows with it.</summary>
    public int CatchUpBatchMax { get; init; } = 4000;

    /// <summary>LIMIT: bytes of facts in one transaction while catching up; facts of 64 KiB fill a batch long before
    /// its count does.</summary>
    public int CatchUpBatchBytesMax { get; init; } = 16 * 1024 * 1024;

    /// <summary>How many records that a projection does not handle may pass before its checkpoint is written for them
    /// alone.</summary>
    public int LazyCheckpointEvery { get; init; } = 4096;

    /// <summary>The interval of projections that are read more seldom than written: long enough for some tens of facts
    /// of a busy server, short enough that nobody sees it.</summary>
    public static TimeSpan LazyCommits { get; } = TimeSpan.FromMilliseconds(40);

    /// <summary>How long a read waits for its projections before it answers with what there is.</summary>
    public TimeSpan GateTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long a decision waits for what it must know; longer, because it cannot do with less. The tables are
    /// that far behind after the join of a very large room.</summary>
    public TimeSpan DecisionTimeout { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>First wait before a retry when PostgreSQL or the log is away; doubles up to
    /// <see cref="RetryMax"/>.</summary>
    public TimeSpan RetryFirst { get; init; } = TimeSpan.FromMilliseconds(50);

    public TimeSpan RetryMax { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long the tables of a replaced version stay, for queries that had asked for their name just
    /// before.</summary>
    public TimeSpan OldSchemaGrace { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How often a rebuild says how far it is.</summary>
    public TimeSpan ProgressEvery { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How long the start waits for PostgreSQL to answer for the first time.</summary>
    public TimeSpan StartTimeout { get; init; } = TimeSpan.FromSeconds(60);
}
