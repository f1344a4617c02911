using Matrix.EventSourced.Api.Configuration;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Media.Blobs;
using Matrix.EventSourced.Media.Content;
using Matrix.EventSourced.Media.Images;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.MediaApi;

/// <summary>Images in the sizes that they are shown in.</summary>
/// <remarks>Spec: v1.19 client-server-api #thumbnails.</remarks>
internal static class ThumbnailEndpoints
{
    public static readonly EndpointSpec Spec = new(
        "GET",
        "/_matrix/client/v1/media/thumbnail/{serverName}/{mediaId}",
        AuthKind.AccessToken,
        RateClass.None,
        "client-server-api#get_matrixclientv1mediathumbnailservernamemediaid")
    {
        GuestsAllowed = true,
    };

    public static readonly EndpointSpec DeprecatedSpec = new(
        "GET",
        "/_matrix/media/v3/thumbnail/{serverName}/{mediaId}",
        AuthKind.None,
        RateClass.None,
        "client-server-api#get_matrixmediav3thumbnailservernamemediaid")
    {
        Aliases =
        [
            "/_matrix/media/r0/thumbnail/{serverName}/{mediaId}", "/_matrix/media/v1/thumbnail/{serverName}/{mediaId}",
        ],
    };

    private static readonly MatrixError NoImage =
        new(400, ErrCodes.Unknown, "Cannot generate thumbnails for the requested content.");

    public static void Map(EndpointTable table)
    {
        table.Add(Spec, static request => SendAsync(request, isPublic: false));
        MapDeprecated(table);
    }

    public static void MapDeprecated(EndpointTable table) => table.Add(
        DeprecatedSpec,
        static request => request.Get<HomeserverConfig>().Media.UnauthenticatedAccess
            ? SendAsync(request, isPublic: true)
            : new(MediaRequests.Frozen));

    /// <summary>A thumbnail and its headers; an error otherwise.</summary>
    /// <remarks>Errors: 400 for what is no image; M_TOO_LARGE for one of too many pixels, with 413 where it is ours and
    /// 502 where it is another server's.</remarks>
    public static async ValueTask<(Stream? Content, MediaHeaders? Headers, MatrixError? Error)> FindAsync(
        MatrixRequest request, StoredMedia stored, ThumbnailWish wish, bool isPublic)
    {
        var result = await request.Get<Thumbnails>().FindAsync(stored.Blob, wish, request.ClientGone);
        switch (result)
        {
            case ThumbnailResult.Made made:
                var tag = $"{stored.Blob.Value}-{made.Name}";
                return (made.Content, HeadersOf(made.ContentType, tag, isPublic), null);
            case ThumbnailResult.Original original:
                return request.Get<IBlobStore>().Open(stored.Blob) is { } content
                    ? (content, HeadersOf(original.ContentType, stored.Blob.Value, isPublic), null)
                    : (null, null, MediaRequests.NotFound);
            case ThumbnailResult.TooLarge:
                return (null, null, new MatrixError(
                    stored.IsRemote ? 502 : 413, ErrCodes.TooLarge, "The content is too large to thumbnail."));
            case ThumbnailResult.Missing:
                return (null, null, MediaRequests.NotFound);
            default:
                return (null, null, NoImage);
        }
    }

    private static async ValueTask<MatrixResponse> SendAsync(MatrixRequest request, bool isPublic)
    {
        if (!request.TryGetMedia(out var media))
            return MediaRequests.NotFound;
        if (request.TryGetThumbnail(out var wish) is { } problem)
            return problem;
        if (!request.TryGetWait(out var wait))
            return MediaRequests.InvalidWait;
        if (!request.TryGetFlag("allow_remote", true, out var isRemoteAllowed))
            return MatrixError.InvalidParam("allow_remote is true or false.");
        var found = await request.FindMediaAsync(media, wait, isRemoteAllowed || !isPublic);
        if (found.Media is not { } stored)
            return found.Error!;
        var (content, headers, error) = await FindAsync(request, stored, wish, isPublic);
        return content is null ? error! : await MediaAnswer.SendAsync(request, content, headers!);
    }

    private static MediaHeaders HeadersOf(string type, string tag, bool isPublic)
    {
        var ending = type["image/".Length..];
        return new MediaHeaders(
            type, ContentDisposition.Format(isInline: true, $"thumbnail.{ending}"), tag, isPublic);
    }
}
