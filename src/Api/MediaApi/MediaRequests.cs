using System.Globalization;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Media.Images;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Api.MediaApi;

/// <summary>Small steps that the endpoints of media share: reading parameters, and what is refused.</summary>
internal static class MediaRequests
{
    /// <summary>LIMIT: how long a request may wait for an upload. Ours: proxies give up after a minute.</summary>
    public static readonly TimeSpan WaitMax = TimeSpan.FromSeconds(50);

    /// <summary>Spec: v1.19 client-server-api #get_matrixclientv1mediadownloadservernamemediaid
    /// (timeout_ms).</summary>
    private static readonly TimeSpan WaitDefault = TimeSpan.FromSeconds(20);

    public static MatrixError NotFound { get; } = MatrixError.NotFound("There is no such media.");

    /// <summary>Spec: v1.19 client-server-api #content-repo-client-behaviour: unauthenticated access is
    /// frozen.</summary>
    public static MatrixError Frozen { get; } = MatrixError.NotFound(
        "Media is only served to whoever is logged in: use /_matrix/client/v1/media.");

    public static MatrixError NotYetUploaded { get; } =
        new(504, ErrCodes.NotYetUploaded, "The media has not been uploaded yet.");

    /// <summary>The media of the path. What cannot be a name of media is not found.</summary>
    /// <remarks>Spec: v1.19 client-server-api #content-repo-security-considerations.</remarks>
    public static bool TryGetMedia(this MatrixRequest request, out MxcUri media)
    {
        media = default;
        if (!ServerName.TryParse(request.Path("serverName"), out var server)
            || !MediaId.TryParse(request.Path("mediaId"), out var mediaId))
        {
            return false;
        }
        media = new MxcUri(server, mediaId);
        return true;
    }

    /// <summary>Finds media; a server that stops does not wait for uploads any more.</summary>
    public static ValueTask<MediaLookup> FindMediaAsync(
        this MatrixRequest request, MxcUri media, TimeSpan wait, bool isRemoteAllowed) =>
        request.UntilStoppingAsync(cancellationToken => request.Get<MediaReader>().FindAsync(
            media, wait, isRemoteAllowed, request.CommandContext(), cancellationToken));

    /// <summary>Finds media of this server.</summary>
    public static ValueTask<MediaLookup> FindOwnMediaAsync(
        this MatrixRequest request, MediaId mediaId, TimeSpan wait) =>
        request.UntilStoppingAsync(cancellationToken =>
            request.Get<MediaReader>().FindOwnAsync(mediaId, wait, cancellationToken));

    private static async ValueTask<MediaLookup> UntilStoppingAsync(
        this MatrixRequest request, Func<CancellationToken, ValueTask<MediaLookup>> find)
    {
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(request.ClientGone, request.ServerStopping);
        try
        {
            return await find(linked.Token);
        }
        catch (OperationCanceledException) when (request.ServerStopping.IsCancellationRequested)
        {
            return NotYetUploaded;
        }
    }

    /// <summary>How long to wait for an upload.</summary>
    public static bool TryGetWait(this MatrixRequest request, out TimeSpan wait)
    {
        wait = WaitDefault;
        if (request.Query("timeout_ms") is not { } text)
            return true;
        if (!long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value))
            return false;
        wait = TimeSpan.FromMilliseconds(Math.Min(value, (long)WaitMax.TotalMilliseconds));
        return true;
    }

    /// <summary>A switch of the query; what stands there must be true or false.</summary>
    public static bool TryGetFlag(this MatrixRequest request, string name, bool otherwise, out bool value)
    {
        value = otherwise;
        return request.Query(name) is not { } text || bool.TryParse(text, out value);
    }

    public static MatrixError InvalidWait { get; } =
        MatrixError.InvalidParam("timeout_ms is a number of milliseconds.");

    /// <summary>The thumbnail that is asked for.</summary>
    /// <remarks>Spec: v1.19 client-server-api #get_matrixclientv1mediathumbnailservernamemediaid: without a method, the
    /// image is scaled.</remarks>
    public static MatrixError? TryGetThumbnail(this MatrixRequest request, out ThumbnailWish wish)
    {
        wish = default;
        if (request.Query("width") is not { } widthText || request.Query("height") is not { } heightText)
            return MatrixError.MissingParam("width and height are needed.");
        if (!TryGetPixels(widthText, out var width) || !TryGetPixels(heightText, out var height))
            return MatrixError.InvalidParam("width and height are numbers of pixels, from 1.");
        ThumbnailMethod? method = request.Query("method") switch
        {
            null or "scale" => ThumbnailMethod.Scale,
            "crop" => ThumbnailMethod.Crop,
            _ => null,
        };
        if (method is null)
            return MatrixError.InvalidParam("method is scale or crop.");
        if (!request.TryGetFlag("animated", false, out var isAnimated))
            return MatrixError.InvalidParam("animated is true or false.");
        wish = new ThumbnailWish(width, height, method.Value, isAnimated);
        return null;
    }

    /// <summary>More than any image has counts as the most: nothing is enlarged.</summary>
    private static bool TryGetPixels(string text, out int pixels)
    {
        pixels = 0;
        if (!long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) || value == 0)
            return false;
        pixels = (int)Math.Min(value, 65_536);
        return true;
    }
}
