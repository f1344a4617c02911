using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Matrix.EventSourced.Federation.Transport;
using Matrix.EventSourced.Protocol;

namespace Matrix.EventSourced.Federation.IdentityProviders;

/// <summary>Requests to identity providers, through the same guard of addresses as those to homeservers.</summary>
/// <remarks>Errors: a problem where there was no answer that can be read; never throws for what the other side does. No
/// redirects: secrets go where the administrator said, and nowhere else.</remarks>
internal sealed class ProviderHttp(FederationHttp http, FederationOptions options, TimeProvider time)
{
    /// <summary>LIMIT: one request. Ours: a person waits for three.</summary>
    private static readonly TimeSpan RequestTimeout = TimeSpan.FromSeconds(10);

    /// <summary>LIMIT: bytes of an answer. Ours: discovery documents have some KiB.</summary>
    private const long BodyBytesMax = 256 * 1024;

    /// <summary>The JSON object of a 200, or what went wrong.</summary>
    public async ValueTask<(JsonElement Body, string? Problem)> SendAsync(
        HttpMethod method,
        Uri uri,
        IEnumerable<KeyValuePair<string, string>>? form = null,
        AuthenticationHeaderValue? authorization = null)
    {
        using var timeout = new CancellationTokenSource(RequestTimeout, time);
        try
        {
            using var request = new HttpRequestMessage(method, uri);
            request.Headers.UserAgent.ParseAdd(options.UserAgent);
            request.Headers.Accept.ParseAdd("application/json");
            request.Headers.Authorization = authorization;
            if (form is not null)
                request.Content = new FormUrlEncodedContent(form);
            using var response = await http.Invoker.SendAsync(request, timeout.Token);
            var body = await BoundedBody.ReadAsync(response, BodyBytesMax, timeout.Token);
            var status = (int)response.StatusCode;
            if (body is not { } bytes)
                return (default, "its answer is too large");
            if (status != 200)
                return (default, $"it answers {status}{ErrorOf(bytes)}");
            var json = JsonElement.Parse(bytes.Span, new JsonDocumentOptions { MaxDepth = Limits.JsonDepthMax });
            return json.ValueKind == JsonValueKind.Object ? (json, null) : (default, "its answer is no object");
        }
        catch (OperationCanceledException)
        {
            return (default, "it did not answer in time");
        }
        catch (Exception problem) when (problem is HttpRequestException or IOException or JsonException
            or UriFormatException or FormatException or InvalidOperationException or NotSupportedException)
        {
            return (default, TransportFault.Describe(problem));
        }
    }

    /// <summary>The error code of a refusal, for the administrator.</summary>
    private static string ErrorOf(ReadOnlyMemory<byte> body)
    {
        try
        {
            var json = JsonElement.Parse(body.Span, new JsonDocumentOptions { MaxDepth = Limits.JsonDepthMax });
            return ReceivedJson.Text(json, "error") is { Length: <= 64 } error && error.All(char.IsAscii)
                ? $" {error}"
                : string.Empty;
        }
        catch (Exception problem) when (problem is JsonException or InvalidOperationException)
        {
            return string.Empty;
        }
    }

    /// <summary>RFC 6749, section 2.3.1: both are form-encoded first.</summary>
    public static AuthenticationHeaderValue Basic(string clientId, string secret) => new(
        "Basic",
        Convert.ToBase64String(
            Encoding.ASCII.GetBytes($"{Uri.EscapeDataString(clientId)}:{Uri.EscapeDataString(secret)}")));
}
