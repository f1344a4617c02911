namespace Matrix.EventSourced.EventStore;

/// <summary>A record that is to be appended.</summary>
/// <remarks>
/// Shape: <paramref name="RecordId"/> makes the append idempotent within its stream; <paramref name="Type"/> is the
/// stored name (<c>roomserver.pdu_recorded.v1</c>); <paramref name="Data"/> and <paramref name="Metadata"/> are UTF-8
/// JSON that the store does not read.
/// Requires: nobody writes to the bytes after they were appended; engines and live subscribers keep them.
/// </remarks>
public sealed record NewRecord(Guid RecordId, string Type, ReadOnlyMemory<byte> Data, ReadOnlyMemory<byte> Metadata)
{
    /// <summary>Whether the data is JSON; the server's own always is, a client of the gateway may store any
    /// bytes.</summary>
    public bool IsJson { get; init; } = true;
}

/// <summary>A record as the log holds it.</summary>
/// <remarks>Units: <paramref name="CreatedMs"/>, Unix milliseconds of the store's clock. <paramref name="Revision"/>
/// counts from 0 in its stream.</remarks>
public sealed record LogRecord(
    LogPosition Position,
    StreamName Stream,
    long Revision,
    Guid RecordId,
    string Type,
    long CreatedMs,
    ReadOnlyMemory<byte> Data,
    ReadOnlyMemory<byte> Metadata)
{
    /// <summary>As it was appended: see <see cref="NewRecord.IsJson"/>.</summary>
    public bool IsJson { get; init; } = true;
}

/// <summary>How an append may be acknowledged.</summary>
public enum Durability
{
    /// <summary>After it is on disk.</summary>
    Durable,

    /// <summary>After it is ordered and visible; it rides to disk with the next flush. For facts whose loss in a crash
    /// nobody misses (typing, presence).</summary>
    Relaxed,
}

/// <summary>The outcome of an append. A conflict is an answer, not an exception.</summary>
public abstract record AppendResult
{
    private AppendResult() { }

    /// <summary>The records stand in the log (now, or already since an earlier append with the same ids).</summary>
    /// <remarks>Shape: revision and position of the <b>last</b> record of the append.</remarks>
    public sealed record Appended(long Revision, LogPosition Position) : AppendResult;

    /// <summary>The stream is not where the writer thought; <paramref name="ActualRevision"/> is null when there is no
    /// stream.</summary>
    public sealed record Conflict(long? ActualRevision) : AppendResult;

    /// <summary>The stream was closed for good; nothing is appended to it ever again.</summary>
    public sealed record Tombstoned : AppendResult;
}

/// <summary>Where a stream stands.</summary>
/// <remarks>Shape: LastRevision is null for a stream that does not exist, was deleted, or is tombstoned; what only its
/// bounds hide still counts.</remarks>
public readonly record struct StreamState(long? LastRevision, bool IsTombstoned = false);

/// <summary>Bounds of one stream.</summary>
/// <remarks>Shape: records outside any bound are never read again and may be removed at any time. TruncateBefore: the
/// first revision that stays.</remarks>
public sealed record StreamMetadata(TimeSpan? MaxAge = null, long? MaxCount = null, long? TruncateBefore = null);

public enum ReadDirection
{
    Forwards,
    Backwards,
}

/// <summary>What a subscription says.</summary>
public abstract record SubscriptionMessage
{
    private SubscriptionMessage() { }

    /// <summary>The next record, in the order of the whole log.</summary>
    public sealed record Recorded(LogRecord Record) : SubscriptionMessage;

    /// <summary>All that the log held has been said; what follows is live. Said again whenever the subscription catches
    /// up after falling behind.</summary>
    public sealed record CaughtUp(LogPosition Position) : SubscriptionMessage;

    /// <summary>The subscriber was too slow for the live feed and reads from the store again.</summary>
    public sealed record FellBehind : SubscriptionMessage;

    /// <summary>Everything up to here was considered, though a filter may have left it out.</summary>
    public sealed record Checkpoint(LogPosition Position) : SubscriptionMessage;
}
