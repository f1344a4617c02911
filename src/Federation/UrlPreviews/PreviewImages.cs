using Matrix.EventSourced.Commands.MediaApi;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Federation.RemoteMedia;
using Matrix.EventSourced.Media.Blobs;
using Matrix.EventSourced.Media.Images;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.MediaApi;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Signing;
using MediatR;

namespace Matrix.EventSourced.Federation.UrlPreviews;

/// <summary>An image of a page as media of this server.</summary>
public sealed record PreviewImage(MxcUri Uri, long SizeBytes, ImageInfo Info);

/// <summary>Copies images of pages, so that clients need not ask the page's server.</summary>
/// <remarks>The same bytes of the same address become media once. Errors: null for what is no image, too large, or
/// cannot be fetched: the preview has none then.</remarks>
public sealed class PreviewImages(
    PageFetcher fetcher,
    IBlobStore blobs,
    Thumbnails thumbnails,
    MediaQueries queries,
    IProjectionGate gate,
    IMediator mediator,
    ServerIdentity identity,
    TimeProvider time)
{
    private const string ImageTypes = "image/webp, image/png, image/jpeg, image/gif, image/*;q=0.5";

    public async ValueTask<PreviewImage?> FindAsync(
        Uri address, CommandContext context, CancellationToken cancellationToken)
    {
        if (address.OriginalString.Length > UrlPreviewOptions.AddressLengthMax)
            return null;
        try
        {
            using var page = await fetcher.FetchAsync(address, ImageTypes, cancellationToken);
            return page.Response is { } response
                ? await KeepAsync(response, address, context, cancellationToken)
                : null;
        }
        catch (Exception problem) when (problem is OperationCanceledException or HttpRequestException or IOException
            or TimeoutException)
        {
            // What the page says of itself is there, and worth showing without it.
            return null;
        }
    }

    /// <summary>Copies the image of an answer.</summary>
    public async ValueTask<PreviewImage?> KeepAsync(
        HttpResponseMessage response, Uri address, CommandContext context, CancellationToken cancellationToken)
    {
        if (response.Content.Headers.ContentLength > UrlPreviewOptions.ImageBytesMax)
            return null;
        await using var body = await response.Content.ReadAsStreamAsync(cancellationToken);
        await using var draft = blobs.BeginDraft();
        if (!await MediaDraft.CopyAsync(body, draft, UrlPreviewOptions.ImageBytesMax, time, cancellationToken))
            return null;
        var blob = await draft.KeepAsync();
        // What is none stays unnamed, and goes with the next sweep.
        if (await thumbnails.FindInfoAsync(blob, cancellationToken) is not { } info)
            return null;
        await gate.WaitForHeadAsync(MediaProjection.Gate, cancellationToken);
        if (await queries.FindPreviewImageAsync(address.AbsoluteUri, blob.Value, cancellationToken) is { } known)
            return new PreviewImage(new MxcUri(identity.Name, known.MediaId), known.SizeBytes, info);
        var content = new MediaContent(blob.Value, draft.Size, ImageFormats.TypeOf(info.Format), FileName: null);
        var copied = await mediator.Send(
            new CopyPreviewImage(context, address.AbsoluteUri, content), CancellationToken.None);
        return copied is CommandResult<MediaId>.Done done
            ? new PreviewImage(new MxcUri(identity.Name, done.Value), draft.Size, info)
            : null;
    }
}
