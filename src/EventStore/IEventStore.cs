namespace Matrix.EventSourced.EventStore;

/// <summary>The port to the log: append, read, subscribe. Every engine passes the same contract suite.</summary>
public interface IEventStore : IEventAppender, IEventReader
{
}

/// <summary>The writing half of the port.</summary>
public interface IEventAppender
{
    /// <summary>Appends records to one stream, all or none.</summary>
    /// <remarks>
    /// Requires: 1..n records; record ids distinct within the append.
    /// Ensures: on <see cref="AppendResult.Appended"/> the records are readable and, unless Relaxed, on disk. Appending
    /// the same ids to the same stream again answers Appended with the <b>original</b> revision and position, whatever
    /// the expected revision; an append that mixes known and new ids is a Conflict. An append to the metadata stream of
    /// another (<see cref="StreamName.Metadata"/>) sets the bounds of that one.
    /// Errors: Conflict with the actual revision; Tombstoned; throws <see cref="EventStoreException"/> when the store
    /// cannot say whether it appended, and ArgumentException for data and metadata of all records together over
    /// <see cref="EventStoreLimits.AppendBytesMax"/>.
    /// Cancellation: a write runs to its end once it was queued; the token is looked at only before that.
    /// </remarks>
    ValueTask<AppendResult> AppendAsync(
        StreamName stream,
        ExpectedRevision expected,
        IReadOnlyList<NewRecord> records,
        Durability durability = Durability.Durable,
        CancellationToken cancellationToken = default);

    /// <summary>Sets the bounds of a stream, which need not exist yet.</summary>
    /// <remarks>
    /// Ensures: stands in the log as a record of type <c>$metadata</c> in the stream's metadata stream, unless the
    /// bounds are the same already; members of the metadata that are no bounds stay. A maximal age is rounded up to
    /// whole seconds.
    /// Errors: throws <see cref="EventStoreException"/>; nothing happens to a tombstoned stream.
    /// </remarks>
    ValueTask SetStreamMetadataAsync(
        StreamName stream, StreamMetadata metadata, CancellationToken cancellationToken = default);

    /// <summary>Hides everything the stream holds; a later append goes on with the next revision, and expects NoStream
    /// or Any.</summary>
    ValueTask<AppendResult> DeleteAsync(
        StreamName stream, ExpectedRevision expected, CancellationToken cancellationToken = default);

    /// <summary>Closes a stream for good: it holds nothing, and every later append and deletion of it answers
    /// <see cref="AppendResult.Tombstoned"/>.</summary>
    ValueTask<AppendResult> TombstoneAsync(
        StreamName stream, ExpectedRevision expected, CancellationToken cancellationToken = default);
}

/// <summary>The reading half of the port.</summary>
public interface IEventReader
{
    /// <summary>The position of the last record of the log (<see cref="LogPosition.Start"/> when it is
    /// empty).</summary>
    /// <remarks>Cost: a memory read in the embedded engines, one round trip elsewhere (callers coalesce).</remarks>
    ValueTask<LogPosition> ReadHeadAsync(CancellationToken cancellationToken = default);

    /// <summary>Where a stream stands: tells one that does not exist from one that holds nothing to read.</summary>
    ValueTask<StreamState> ReadStreamStateAsync(StreamName stream, CancellationToken cancellationToken = default);

    /// <summary>Reads a stream; nothing is said for a stream that does not exist or is tombstoned.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="fromRevision">Where to begin, inclusive; null is the first record forwards, the last record
    /// backwards.</param>
    /// <param name="direction">Forwards or backwards.</param>
    /// <param name="maxCount">At most so many records.</param>
    /// <param name="cancellationToken">Ends the read.</param>
    IAsyncEnumerable<LogRecord> ReadStreamAsync(
        StreamName stream,
        long? fromRevision,
        ReadDirection direction,
        long maxCount,
        CancellationToken cancellationToken = default);

    /// <summary>Reads the whole log. Forwards: records <b>after</b> the position. Backwards: records at or before it;
    /// null is the end of the log.</summary>
    /// <param name="from">Where to begin.</param>
    /// <param name="direction">Forwards or backwards.</param>
    /// <param name="maxCount">At most so many records that the filter lets through.</param>
    /// <param name="filter">Null: <see cref="RecordFilter.Default"/>.</param>
    /// <param name="cancellationToken">Ends the read.</param>
    IAsyncEnumerable<LogRecord> ReadAllAsync(
        LogPosition? from,
        ReadDirection direction,
        long maxCount,
        RecordFilter? filter = null,
        CancellationToken cancellationToken = default);

    /// <summary>Everything after <paramref name="after"/>, in order, without end: records, and
    /// <see cref="SubscriptionMessage.CaughtUp"/> at each arrival at the head.</summary>
    /// <remarks>Ensures: no record is skipped or doubled. A record may be seen before its own append has returned.
    /// System records are shown to a filter that asks for them only.</remarks>
    IAsyncEnumerable<SubscriptionMessage> SubscribeAsync(
        LogPosition after,
        RecordFilter? filter = null,
        CancellationToken cancellationToken = default);

    ValueTask<StreamMetadata> ReadStreamMetadataAsync(StreamName stream, CancellationToken cancellationToken = default);
}

/// <summary>The store cannot go on, or cannot say what became of a write.</summary>
public sealed class EventStoreException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>Bounds of the log, each with its source.</summary>
public static class EventStoreLimits
{
    /// <summary>LIMIT: one append of EventStoreDB holds at most 1,048,576 bytes; every engine keeps to it, so that a
    /// log can move.</summary>
    public const int AppendBytesMax = 1_048_576;

    /// <summary>LIMIT: a record of the largest append that holds one.</summary>
    public const int RecordBytesMax = AppendBytesMax;
}
