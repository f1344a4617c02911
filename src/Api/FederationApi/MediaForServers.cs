using System.Globalization;
using System.Text;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Api.MediaApi;
using Matrix.EventSourced.Media.Blobs;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Api.FederationApi;

/// <summary>This server's media for other servers, as it was uploaded and as thumbnails.</summary>
/// <remarks>Only this server's own: nobody gets another server's media through us.</remarks>
internal static class MediaForServers
{
    public static readonly EndpointSpec DownloadSpec = new(
        "GET",
        "/_matrix/federation/v1/media/download/{mediaId}",
        AuthKind.Server,
        RateClass.None,
        "server-server-api#get_matrixfederationv1mediadownloadmediaid");

    public static readonly EndpointSpec ThumbnailSpec = new(
        "GET",
        "/_matrix/federation/v1/media/thumbnail/{mediaId}",
        AuthKind.Server,
        RateClass.None,
        "server-server-api#get_matrixfederationv1mediathumbnailmediaid");

    public static void Map(EndpointTable table)
    {
        table.Add(DownloadSpec, DownloadAsync);
        table.Add(ThumbnailSpec, ThumbnailAsync);
        DownloadEndpoints.MapDeprecated(table);
        ThumbnailEndpoints.MapDeprecated(table);
    }

    private static async ValueTask<MatrixResponse> DownloadAsync(MatrixRequest request)
    {
        var found = await FindAsync(request);
        if (found.Media is not { } stored)
            return found.Error!;
        return request.Get<IBlobStore>().Open(stored.Blob) is { } content
            ? await SendAsync(request, content, MediaAnswer.HeadersOf(stored, null, isPublic: false))
            : MediaRequests.NotFound;
    }

    private static async ValueTask<MatrixResponse> ThumbnailAsync(MatrixRequest request)
    {
        if (request.TryGetThumbnail(out var wish) is { } problem)
            return problem;
        var found = await FindAsync(request);
        if (found.Media is not { } stored)
            return found.Error!;
        var (content, headers, error) = await ThumbnailEndpoints.FindAsync(request, stored, wish, isPublic: false);
        return content is null ? error! : await SendAsync(request, content, headers!);
    }

    private static async ValueTask<MediaLookup> FindAsync(MatrixRequest request)
    {
        if (!MediaId.TryParse(request.Path("mediaId"), out var mediaId))
            return MediaRequests.NotFound;
        return request.TryGetWait(out var wait)
            ? await request.FindOwnMediaAsync(mediaId, wait)
            : MediaRequests.InvalidWait;
    }

    /// <summary>Two parts: JSON about the media, of which there is none, and the content with its headers.</summary>
    private static async ValueTask<MatrixResponse> SendAsync(
        MatrixRequest request, Stream content, MediaHeaders headers)
    {
        await using var owned = content;
        // The tag is a hash of other content than any that could hold it.
        var boundary = $"media-{headers.Tag[..48]}";
        var size = content.Length;
        var before = Encoding.ASCII.GetBytes(
            $"--{boundary}\r\nContent-Type: application/json\r\n\r\n{{}}\r\n"
            + $"--{boundary}\r\nContent-Type: {headers.ContentType}\r\n"
            + $"Content-Disposition: {headers.Disposition}\r\n"
            + string.Create(CultureInfo.InvariantCulture, $"Content-Length: {size}\r\n\r\n"));
        var after = Encoding.ASCII.GetBytes($"\r\n--{boundary}--\r\n");
        var response = request.Http.Response;
        response.ContentType = $"multipart/mixed; boundary={boundary}";
        response.ContentLength = before.Length + size + after.Length;
        if (HttpMethods.IsHead(request.Http.Request.Method))
            return new MatrixResponse.Written();
        await response.Body.WriteAsync(before, request.ClientGone);
        await MediaAnswer.CopyAsync(content, response.Body, size, request.ClientGone);
        await response.Body.WriteAsync(after, request.ClientGone);
        return new MatrixResponse.Written();
    }
}
