namespace Matrix.EventSourced.Media.Blobs;

/// <summary>Bytes under the SHA-256 of what they are. Equal bytes are stored once.</summary>
/// <remarks>
/// Ensures: what <see cref="IBlobDraft.KeepAsync"/> returned is durable, and stays until somebody deletes it. Reading
/// goes on to the end though the blob is deleted meanwhile. Storing and deleting the same blob exclude each other.
/// Errors: IOException when the disk is full or away.
/// </remarks>
public interface IBlobStore
{
    IBlobDraft BeginDraft();

    /// <summary>The bytes from the start, seekable; null when there is no such blob. Notes that it was used.</summary>
    Stream? Open(BlobId id);

    /// <summary>As <see cref="Open"/>, for who only looks whether it is as it must be: that is no use.</summary>
    Stream? OpenUnnoted(BlobId id);

    /// <summary>How many bytes; null when there is no such blob.</summary>
    long? SizeOf(BlobId id);

    /// <summary>When it was last stored or opened, to about a day; null when there is no such blob.</summary>
    DateTimeOffset? LastUse(BlobId id);

    /// <summary>Deletes a blob, with what was made from it, unless it was used since, or deletions are held.</summary>
    bool DeleteUnused(BlobId id, DateTimeOffset since);

    /// <summary>Every blob, in no order. A blob that comes or goes meanwhile may be among them or not.</summary>
    IEnumerable<BlobId> All();

    /// <summary>Until it is disposed, nothing is deleted: for whoever copies what there is.</summary>
    IDisposable HoldDeletions();

    /// <summary>Something made from a blob; null when it is not there.</summary>
    Stream? OpenDerived(BlobId id, string name);

    /// <summary>Keeps something made from a blob, unless so many things are kept of it already. Requires: name is of
    /// letters, digits, dots and dashes.</summary>
    Task KeepDerivedAsync(BlobId id, string name, ReadOnlyMemory<byte> bytes, int keptMax);
}

/// <summary>A blob that is being written. Disposing one that was not kept removes it.</summary>
public interface IBlobDraft : IAsyncDisposable
{
    /// <summary>Bytes written so far.</summary>
    long Size { get; }

    ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken);

    /// <summary>Makes it durable under its name.</summary>
    Task<BlobId> KeepAsync();
}
