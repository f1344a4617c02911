namespace Matrix.EventSourced.Federation.FedSender;

/// <summary>Bounds of sending, each with its source.</summary>
public static class FedSenderLimits
{
    /// <summary>LIMIT: transactions in flight to all servers. Ours: a room of a thousand servers must not take a
    /// thousand connections at once.</summary>
    public const int TransactionsMax = 128;

    /// <summary>LIMIT: PDUs kept in memory between the transactions of many servers. Ours: 64 KiB at most each, usually
    /// 1.</summary>
    public const int PdusKeptMax = 512;

    /// <summary>How long to wait after the first failure; doubles.</summary>
    public static readonly TimeSpan BackoffFirst = TimeSpan.FromSeconds(1);

    public static readonly TimeSpan BackoffMax = TimeSpan.FromHours(1);

    /// <summary>How soon after an attempt a sign of life may lead to the next; doubles while such attempts
    /// fail.</summary>
    public static readonly TimeSpan WakeFirst = TimeSpan.FromSeconds(1);

    public static readonly TimeSpan WakeMax = TimeSpan.FromMinutes(5);

    /// <summary>How long deliveries may wait to become one fact, while more follow.</summary>
    public static readonly TimeSpan RecordEvery = TimeSpan.FromSeconds(1);

    /// <summary>LIMIT: records that a destination's stream keeps. Ours: the last one says everything; some more for
    /// people.</summary>
    public const int DestinationRecordsMax = 32;
}
