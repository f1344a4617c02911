using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Federation.RemoteMedia;
using Matrix.EventSourced.Media.Blobs;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.MediaApi;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Signing;

namespace Matrix.EventSourced.Api.MediaApi;

/// <summary>Finds media: this server's own, waiting for what is still to be uploaded, and other servers', fetching what
/// is not here.</summary>
/// <remarks>Spec: v1.19 client-server-api #content-repository, server-server-api #content-repository.</remarks>
internal sealed partial class MediaReader(
    MediaQueries queries,
    IProjectionGate gate,
    MediaArrivals arrivals,
    IRemoteMedia remote,
    IBlobStore blobs,
    ServerIdentity identity,
    TimeProvider time,
    ILogger<MediaReader> logger)
{
    /// <param name="media">What is asked for.</param>
    /// <param name="wait">How long an upload is waited for.</param>
    /// <param name="isRemoteAllowed">Whether another server is asked.</param>
    /// <param name="context">Who asks.</param>
    /// <param name="cancellationToken">Ends the wait, not what was begun.</param>
    public async ValueTask<MediaLookup> FindAsync(
        MxcUri media,
        TimeSpan wait,
        bool isRemoteAllowed,
        CommandContext context,
        CancellationToken cancellationToken)
    {
        if (media.Server == identity.Name)
            return await FindOwnAsync(media.MediaId, wait, cancellationToken);
        await gate.WaitForHeadAsync(MediaProjection.Gate, cancellationToken);
        var row = await queries.FindAsync(media.Server, media.MediaId, cancellationToken);
        if (row is { IsQuarantined: true })
            return MediaRequests.NotFound;
        if (Stored(row) is { } stored)
            return stored;
        if (!isRemoteAllowed)
            return MediaRequests.NotFound;
        return await remote.FetchAsync(media, wait, context, cancellationToken) switch
        {
            RemoteMediaResult.Copied copied => new StoredMedia(
                copied.Blob, copied.SizeBytes, copied.ContentType, copied.FileName, IsRemote: true),
            RemoteMediaResult.Refused refused => refused.Error,
            _ => throw new InvalidOperationException("Media was copied, or not."),
        };
    }

    /// <summary>Media of this server.</summary>
    public async ValueTask<MediaLookup> FindOwnAsync(
        MediaId mediaId, TimeSpan wait, CancellationToken cancellationToken)
    {
        await gate.WaitForHeadAsync(MediaProjection.Gate, cancellationToken);
        var row = await queries.FindAsync(null, mediaId, cancellationToken);
        if (!IsPending(row))
            return Answer(row);
        if (wait <= TimeSpan.Zero)
            return MediaRequests.NotYetUploaded;
        // Registered first: an upload that finishes between the look before and this one is seen by the look below.
        using var arrival = arrivals.Register(mediaId);
        row = await queries.FindAsync(null, mediaId, cancellationToken);
        if (!IsPending(row))
            return Answer(row);
        try
        {
            await arrival.Changed.WaitAsync(wait, time, cancellationToken);
        }
        catch (TimeoutException)
        {
            return MediaRequests.NotYetUploaded;
        }
        row = await queries.FindAsync(null, mediaId, cancellationToken);
        return IsPending(row) ? MediaRequests.NotYetUploaded : Answer(row);
    }

    /// <summary>Whether its upload may still come.</summary>
    private bool IsPending(MediaRow? row) =>
        row is { IsQuarantined: false, Sha256: null, ExpiresMs: { } expires }
        && expires > time.GetUtcNow().ToUnixTimeMilliseconds();

    private MediaLookup Answer(MediaRow? row)
    {
        if (row is null or { IsQuarantined: true } or { Sha256: null })
            return MediaRequests.NotFound;
        if (Stored(row) is { } stored)
            return stored;
        LogBytesAreGone(row.MediaId.Value, row.Sha256!);
        return MediaRequests.NotFound;
    }

    private StoredMedia? Stored(MediaRow? row) =>
        row is { Sha256: { } sha256 } && BlobId.Parse(sha256) is var blob && blobs.SizeOf(blob) == row.SizeBytes
            ? new StoredMedia(blob, row.SizeBytes, row.ContentType, row.FileName, row.Origin is not null)
            : null;

    [LoggerMessage(LogLevel.Error, "The bytes of media {media_id} ({sha256}) are not in the store: restore a backup")]
    private partial void LogBytesAreGone(string media_id, string sha256);
}
