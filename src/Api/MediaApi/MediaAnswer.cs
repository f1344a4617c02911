using System.Buffers;
using System.Globalization;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Media.Content;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.MediaApi;

/// <summary>What the headers of an answer with media say beside its bytes.</summary>
/// <remarks>Shape: Tag names exactly these bytes, without quotes.</remarks>
internal sealed record MediaHeaders(string ContentType, string Disposition, string Tag, bool IsPublic);

/// <summary>Writes media as an answer: conditions, one range, HEAD, and headers that let a browser run
/// nothing.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #content-repository, #serving-inline-content. RFC 9110, sections 13 and 14.
/// The bytes of an id never change, so they may be kept for ever; a day, since what was quarantined should go.
/// </remarks>
internal static class MediaAnswer
{
    /// <summary>LIMIT: bytes of an answer in memory. Ours: few calls for large files.</summary>
    private const int BufferBytes = 128 * 1024;

    /// <summary>Spec: v1.19 client-server-api #content-repository, the recommended policy.</summary>
    private const string SecurityPolicy =
        "sandbox; default-src 'none'; script-src 'none'; plugin-types application/pdf; style-src 'unsafe-inline'; object-src 'self';";

    private const string KeptByBrowser = "private, max-age=86400, immutable";
    private const string KeptByAll = "public, max-age=86400, immutable";

    /// <summary>The headers of media as it was uploaded.</summary>
    /// <param name="media">What it is.</param>
    /// <param name="fileName">Another name for it; its own when null.</param>
    /// <param name="isPublic">Whether proxies may keep it.</param>
    public static MediaHeaders HeadersOf(StoredMedia media, string? fileName, bool isPublic) => new(
        MediaTypes.Served(media.ContentType),
        ContentDisposition.Format(MediaTypes.IsInline(media.ContentType), fileName ?? media.FileName),
        media.Blob.Value,
        isPublic);

    /// <summary>Sends the content, which is disposed. Requires: it stands at its start and knows its length.</summary>
    public static async ValueTask<MatrixResponse> SendAsync(MatrixRequest request, Stream content, MediaHeaders headers)
    {
        await using var owned = content;
        var http = request.Http;
        var (asked, response) = (http.Request.Headers, http.Response);
        var tag = $"\"{headers.Tag}\"";
        WriteCommon(response.Headers, headers, tag);
        if (Matches(asked.IfNoneMatch.ToString(), tag))
        {
            response.StatusCode = StatusCodes.Status304NotModified;
            return new MatrixResponse.Written();
        }
        var size = content.Length;
        var ifRange = asked.IfRange.ToString();
        var wanted = ifRange.Length == 0 || ifRange == tag ? asked.Range.ToString() : null;
        var range = ByteRange.Read(wanted, size, out var isUnsatisfiable);
        if (isUnsatisfiable)
        {
            response.Headers.ContentRange = string.Create(CultureInfo.InvariantCulture, $"bytes */{size}");
            return new MatrixError(416, ErrCodes.InvalidParam, "The media has fewer bytes than the range asks for.");
        }
        response.ContentType = headers.ContentType;
        response.Headers.ContentDisposition = headers.Disposition;
        if (range is { } part)
        {
            response.StatusCode = StatusCodes.Status206PartialContent;
            response.Headers.ContentRange = string.Create(
                CultureInfo.InvariantCulture, $"bytes {part.First}-{part.Last}/{size}");
            content.Position = part.First;
        }
        var length = range?.Length ?? size;
        response.ContentLength = length;
        if (!HttpMethods.IsHead(http.Request.Method))
            await CopyAsync(content, response.Body, length, request.ClientGone);
        return new MatrixResponse.Written();
    }

    /// <summary>Copies so many bytes.</summary>
    public static async ValueTask CopyAsync(
        Stream content, Stream target, long length, CancellationToken cancellationToken)
    {
        var buffer = ArrayPool<byte>.Shared.Rent((int)Math.Clamp(length, 1, BufferBytes));
        try
        {
            while (length > 0)
            {
                var read = await content.ReadAsync(
                    buffer.AsMemory(0, (int)Math.Min(length, buffer.Length)), cancellationToken);
                if (read == 0)
                    throw new IOException("A blob is shorter than it was.");
                await target.WriteAsync(buffer.AsMemory(0, read), cancellationToken);
                length -= read;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static void WriteCommon(IHeaderDictionary response, MediaHeaders headers, string tag)
    {
        response.ETag = tag;
        response.CacheControl = headers.IsPublic ? KeptByAll : KeptByBrowser;
        response.AcceptRanges = "bytes";
        response.ContentSecurityPolicy = SecurityPolicy;
        response.XContentTypeOptions = "nosniff";
        response["Cross-Origin-Resource-Policy"] = "cross-origin";
        response["Referrer-Policy"] = "no-referrer";
    }

    private static bool Matches(string ifNoneMatch, string tag)
    {
        foreach (var one in ifNoneMatch.Split(',', StringSplitOptions.TrimEntries))
        {
            if (one == "*" || one == tag || one == "W/" + tag)
                return true;
        }
        return false;
    }
}
