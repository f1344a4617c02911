using System.Runtime.CompilerServices;
using Matrix.EventSourced.Api.Configuration;
using Matrix.EventSourced.Commands.MediaApi;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.MediaApi;
using Matrix.EventSourced.Media.Blobs;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.MediaApi;
using Matrix.EventSourced.Protocol.Identifiers;
using MediatR;

namespace Matrix.EventSourced.Api.MediaApi;

/// <summary>Lets go what nobody needs: copies that are old, and bytes that no media names.</summary>
/// <remarks>
/// <code>
///   copies of other servers', unused for longer than they are kept ─► MediaRemoved
///   copies of other servers', unused longest, while all take more than they may ─► MediaRemoved
///   images of previews, older than they are kept                   ─► MediaRemoved
///   blobs that no row names, an hour old                           ─► deleted, with their thumbnails
/// </code>
/// When a copy was used last says its file: a fact for each look at an image would be worth less than it costs.
/// </remarks>
internal sealed class MediaSweep(
    IBlobStore blobs,
    MediaQueries queries,
    IProjectionGate gate,
    IMediator mediator,
    HomeserverConfig config,
    TimeProvider time)
{
    /// <summary>LIMIT: rows or blobs looked at together. Ours: one round trip for many.</summary>
    private const int PageMax = 500;

    /// <summary>LIMIT: how long bytes stay that nothing names. Ours: an upload is named milliseconds after it is
    /// durable; an hour covers any clock that is set.</summary>
    private static readonly TimeSpan UnnamedKept = TimeSpan.FromHours(1);

    /// <summary>One round of it all; answers how many media and how many blobs went.</summary>
    public async Task<(int Media, int Blobs)> RunAsync(CancellationToken cancellationToken)
    {
        var media = 0;
        var now = time.GetUtcNow();
        var context = new CommandContext(FactActor.Self, now.ToUnixTimeMilliseconds(), "media-sweep");
        if (config.Media.RemoteRetention is { } remote)
            media += await ExpireAsync(false, now - remote, MediaRemoval.Expired, context, cancellationToken);
        if (config.Media.RemoteCacheBytes is { } bytesMax)
            media += await ShrinkAsync(bytesMax, context, cancellationToken);
        media += await ExpireAsync(
            true, now - config.UrlPreviews.ImageRetention, MediaRemoval.Expired, context, cancellationToken);
        return (media, await DeleteUnnamedAsync(UnnamedKept, cancellationToken));
    }

    /// <summary>Removes copies of other servers' media that were not used since a time, for an administrator.</summary>
    public async Task<int> PurgeRemoteAsync(
        DateTimeOffset unusedSince, CommandContext context, CancellationToken cancellationToken) =>
        await ExpireAsync(false, unusedSince, MediaRemoval.Deleted, context, cancellationToken);

    /// <summary>Deletes bytes that nothing names.</summary>
    public async Task<int> DeleteUnnamedAsync(TimeSpan kept, CancellationToken cancellationToken)
    {
        // Bytes that come after this are younger than what is deleted, whatever names them.
        var before = time.GetUtcNow() - kept;
        var deleted = 0;
        foreach (var page in blobs.All().Where(blob => blobs.LastUse(blob) < before).Chunk(PageMax))
        {
            await gate.RequireHeadAsync(MediaProjection.Gate, cancellationToken);
            var named = await queries.NamedAsync([.. page.Select(blob => blob.Value)], cancellationToken);
            foreach (var blob in page)
            {
                if (!named.Contains(blob.Value) && blobs.DeleteUnused(blob, before))
                    deleted++;
            }
        }
        return deleted;
    }

    /// <summary>Removes copies until they take no more than they may.</summary>
    private async Task<int> ShrinkAsync(long bytesMax, CommandContext context, CancellationToken cancellationToken)
    {
        await gate.WaitForHeadAsync(MediaProjection.Gate, cancellationToken);
        var excess = await queries.RemoteBytesAsync(cancellationToken) - bytesMax;
        if (excess <= 0)
            return 0;
        var copies = new List<(DateTimeOffset LastUse, ServerName Origin, MediaId MediaId, long SizeBytes)>();
        await foreach (var row in AllCopiesAsync(false, DateTimeOffset.MaxValue, cancellationToken))
        {
            if (!row.IsQuarantined)
            {
                var lastUse = blobs.LastUse(BlobId.Parse(row.Sha256!)) ?? DateTimeOffset.MinValue;
                copies.Add((lastUse, row.Origin!.Value, row.MediaId, row.SizeBytes));
            }
        }
        var removed = 0;
        foreach (var copy in copies.OrderBy(copy => copy.LastUse))
        {
            if (excess <= 0)
                break;
            if (!await RemoveAsync(copy.Origin, copy.MediaId, MediaRemoval.Expired, context, cancellationToken))
                continue;
            removed++;
            excess -= copy.SizeBytes;
        }
        return removed;
    }

    private async Task<int> ExpireAsync(
        bool ofPreviews,
        DateTimeOffset before,
        MediaRemoval reason,
        CommandContext context,
        CancellationToken cancellationToken)
    {
        await gate.WaitForHeadAsync(MediaProjection.Gate, cancellationToken);
        var removed = 0;
        await foreach (var row in AllCopiesAsync(ofPreviews, before, cancellationToken))
        {
            // Quarantined copies stay: they are what shows that they were here.
            if (row.IsQuarantined || (!ofPreviews && blobs.LastUse(BlobId.Parse(row.Sha256!)) >= before))
                continue;
            if (await RemoveAsync(row.Origin, row.MediaId, reason, context, cancellationToken))
                removed++;
        }
        return removed;
    }

    private async IAsyncEnumerable<MediaRow> AllCopiesAsync(
        bool ofPreviews, DateTimeOffset storedBefore, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        MediaRow? last = null;
        while (true)
        {
            var page = await queries.CopiesAsync(
                ofPreviews, storedBefore.ToUnixTimeMilliseconds(), last, PageMax, cancellationToken);
            foreach (var row in page)
                yield return row;
            if (page.Count < PageMax)
                yield break;
            last = page[^1];
        }
    }

    private async Task<bool> RemoveAsync(
        ServerName? origin,
        MediaId mediaId,
        MediaRemoval reason,
        CommandContext context,
        CancellationToken cancellationToken) => await mediator.Send(
        new RemoveMedia(context, origin, mediaId, reason), cancellationToken) is CommandResult<Unit>.Done;
}
