using System.Net.Http.Headers;
using System.Text.Json;
using Matrix.EventSourced.Federation.Transport;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Federation.Discovery;

/// <summary>Reads <c>https://host/.well-known/matrix/server</c>.</summary>
/// <remarks>
/// Spec: v1.19 server-server-api #getwell-knownmatrixserver: redirects are followed, the content type does not matter.
/// SPEC?: a redirect to anything but https is not followed: the answer says whom to trust.
/// Errors: values; a body that is too large or no JSON, a status but 200, too many redirects: no delegation.
/// Every hop goes through the same guard of addresses as any other connection.
/// </remarks>
public sealed class WellKnownReader(HttpMessageInvoker http, TimeProvider time) : IWellKnownReader
{
    public async ValueTask<WellKnown> ReadAsync(string host, CancellationToken cancellationToken)
    {
        using var timeout = new CancellationTokenSource(DiscoveryLimits.WellKnownTimeout, time);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        try
        {
            return await FollowAsync(new Uri($"https://{host}/.well-known/matrix/server"), linked.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return Nothing("it did not answer in time");
        }
        catch (Exception problem) when (problem is HttpRequestException or IOException or JsonException
            or UriFormatException or InvalidOperationException or NotSupportedException)
        {
            return Nothing(TransportFault.Describe(problem));
        }
    }

    private async ValueTask<WellKnown> FollowAsync(Uri address, CancellationToken cancellationToken)
    {
        for (var redirects = 0; ; redirects++)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, address);
            request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("application/json"));
            using var response = await http.SendAsync(request, cancellationToken);
            var status = (int)response.StatusCode;
            if (status is 301 or 302 or 303 or 307 or 308 && response.Headers.Location is { } location)
            {
                if (redirects == DiscoveryLimits.RedirectsMax)
                    return Nothing("it redirects too often");
                address = new Uri(address, location);
                if (address.Scheme != Uri.UriSchemeHttps)
                    return Nothing("it redirects to something but https");
                continue;
            }
            if (status != 200)
                return Nothing($"it answers {status}");
            var read = await BoundedBody.ReadAsync(response, DiscoveryLimits.WellKnownBytesMax, cancellationToken);
            if (read is not { } body)
                return Nothing("its answer is too large");
            return Read(body, Lifetime(response));
        }
    }

    private static WellKnown Read(ReadOnlyMemory<byte> body, TimeSpan? lifetime)
    {
        var json = JsonElement.Parse(body.Span, new JsonDocumentOptions { MaxDepth = Limits.JsonDepthMax });
        return json.ValueKind == JsonValueKind.Object
            && json.TryGetProperty("m.server"u8, out var server) && server.ValueKind == JsonValueKind.String
            && ServerName.TryParse(server.GetString(), out var name)
                ? new WellKnown(name, lifetime)
                : Nothing("it names no server");
    }

    /// <summary>What Cache-Control, or else Expires, says; null without either.</summary>
    private TimeSpan? Lifetime(HttpResponseMessage response)
    {
        if (response.Headers.CacheControl is { } control)
        {
            if (control.NoStore || control.NoCache)
                return TimeSpan.Zero;
            if ((control.SharedMaxAge ?? control.MaxAge) is { } age)
                return age;
        }
        return response.Content.Headers.Expires is { } expires ? expires - time.GetUtcNow() : null;
    }

    private static WellKnown Nothing(string problem) => new(null, null, problem);
}
