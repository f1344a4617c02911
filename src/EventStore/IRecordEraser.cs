namespace Matrix.EventSourced.EventStore;

/// <summary>Replaces what a record says, for the erasure of redacted content. Narrow on purpose: nothing else may
/// change the past.</summary>
public interface IRecordEraser
{
    /// <summary>Puts other data in the place of a record's; position, revision, ids, type, time and metadata
    /// stay.</summary>
    /// <remarks>
    /// Ensures: after it returns no reader sees the old data, and it is gone from the file after the next checkpoint,
    /// which is begun at once.
    /// Errors: throws <see cref="EventStoreException"/> when the log holds no such record.
    /// </remarks>
    ValueTask RewriteAsync(
        LogPosition position, ReadOnlyMemory<byte> data, CancellationToken cancellationToken = default);
}
