using System.Net.Http.Headers;
using System.Text.Json;
using Matrix.EventSourced.Federation.Transport;
using Matrix.EventSourced.Protocol;

namespace Matrix.EventSourced.Federation.IdentityServers;

/// <summary>Requests to identity servers, over https, through the same guard of addresses as those to homeservers.
/// </summary>
/// <remarks>Errors: null where there was no answer that can be read; never throws for what the other side does. No
/// redirects: the client's token goes to the server that it names, and nowhere else.</remarks>
public sealed class IdentityServerClient(FederationHttp http, FederationOptions options, TimeProvider time)
{
    /// <summary>LIMIT: one request. Ours: a client waits for several.</summary>
    private static readonly TimeSpan RequestTimeout = TimeSpan.FromSeconds(10);

    /// <summary>LIMIT: bytes of an answer. Ours: all of them are small.</summary>
    private const long BodyBytesMax = 64 * 1024;

    /// <summary>The status and the JSON object of the answer, or what went wrong.</summary>
    internal async ValueTask<(int Status, JsonElement Body, string? Problem)> SendAsync(
        HttpMethod method, Uri uri, string? accessToken, byte[]? content)
    {
        if (uri.Scheme != Uri.UriSchemeHttps)
            return (0, default, "it is not https");
        using var timeout = new CancellationTokenSource(RequestTimeout, time);
        try
        {
            using var request = new HttpRequestMessage(method, uri);
            request.Headers.UserAgent.ParseAdd(options.UserAgent);
            if (accessToken is not null && !request.Headers.TryAddWithoutValidation(
                "Authorization", $"Bearer {accessToken}"))
                return (0, default, "the token is none");
            if (content is not null)
            {
                request.Content = new ByteArrayContent(content);
                request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
            }
            using var response = await http.Invoker.SendAsync(request, timeout.Token);
            var body = await BoundedBody.ReadAsync(response, BodyBytesMax, timeout.Token);
            if (body is not { } bytes)
                return (0, default, "its answer is too large");
            var json = JsonElement.Parse(bytes.Span, new JsonDocumentOptions { MaxDepth = Limits.JsonDepthMax });
            return json.ValueKind == JsonValueKind.Object
                ? ((int)response.StatusCode, json, null)
                : (0, default, "its answer is no object");
        }
        catch (OperationCanceledException)
        {
            return (0, default, "it did not answer in time");
        }
        catch (Exception problem) when (problem is HttpRequestException or IOException or JsonException
            or UriFormatException or FormatException or InvalidOperationException or NotSupportedException)
        {
            return (0, default, TransportFault.Describe(problem));
        }
    }
}
