using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Protocol.Identifiers;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Net.Http.Headers;

namespace Matrix.EventSourced.Federation.RemoteMedia;

// Spec: v1.19 server-server-api #get_matrixfederationv1mediadownloadmediaid: two parts, JSON about the media, then its
// bytes or where they are.
public sealed partial class RemoteMedia
{
    /// <summary>LIMIT: characters of a boundary. RFC 2046, section 5.1.1.</summary>
    private const int BoundaryLengthMax = 70;

    private async Task<RemoteMediaResult> TakeMultipartAsync(
        MxcUri media, HttpResponseMessage response, CommandContext context, CancellationToken cancellationToken)
    {
        if (FindBoundary(Header(response, "Content-Type")) is not { } boundary)
            return Failed("The other server's answer is of another kind.");
        await using var body = await response.Content.ReadAsStreamAsync(cancellationToken);
        var reader = new MultipartReader(boundary, body);
        if (await reader.ReadNextSectionAsync(cancellationToken) is not { } described
            || !await SkipAsync(described.Body, cancellationToken)
            || await reader.ReadNextSectionAsync(cancellationToken) is not { } content)
        {
            return Failed("The other server's answer has not the two parts that it must have.");
        }
        if (content.Headers?.GetValueOrDefault("Location").ToString() is { Length: > 0 } location)
            return await FollowAsync(media, location, context, cancellationToken);
        return await KeepAsync(
            media, content.Body, content.ContentType, content.ContentDisposition, context, cancellationToken);
    }

    /// <summary>Takes the content from where the other server says that it is. Its headers describe it.</summary>
    /// <remarks>Only https, and never an address that is denied: the place is another server's word.</remarks>
    private async Task<RemoteMediaResult> FollowAsync(
        MxcUri media, string location, CommandContext context, CancellationToken cancellationToken)
    {
        if (!Uri.TryCreate(location, UriKind.Absolute, out var address))
            return Failed("The other server names no place that can be asked.");
        for (var redirects = 0; redirects <= RemoteMediaOptions.RedirectsMax; redirects++)
        {
            if (address.Scheme != Uri.UriSchemeHttps || address.UserInfo.Length > 0)
                return Failed("The other server names no place that can be asked.");
            using var answer = await transport.OpenAsync(
                address, RemoteMediaOptions.HeadersTimeout, cancellationToken);
            if (answer.Response is not { } response)
                return Failed(media, answer.Failure!);
            if (response.IsSuccessStatusCode)
                return await KeepAsync(media, response, context, cancellationToken);
            if ((int)response.StatusCode is not (301 or 302 or 303 or 307 or 308)
                || response.Headers.Location is not { } next)
            {
                return (int)response.StatusCode is 404 or 410
                    ? NotFound
                    : Failed("The media is not where the other server says.");
            }
            address = new Uri(address, next);
        }
        return Failed("The media is behind too many redirects.");
    }

    private static string? FindBoundary(string? contentType) =>
        MediaTypeHeaderValue.TryParse(contentType, out var type)
        && type.MediaType.Equals("multipart/mixed", StringComparison.OrdinalIgnoreCase)
        && HeaderUtilities.RemoveQuotes(type.Boundary) is { Length: > 0 and <= BoundaryLengthMax } boundary
            ? boundary.ToString()
            : null;

    private static async ValueTask<bool> SkipAsync(Stream part, CancellationToken cancellationToken)
    {
        var buffer = new byte[4096];
        var total = 0;
        int read;
        while ((read = await part.ReadAsync(buffer, cancellationToken)) > 0)
        {
            total += read;
            if (total > RemoteMediaOptions.JsonBytesMax)
                return false;
        }
        return true;
    }
}
