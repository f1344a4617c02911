using System.Net;
using Matrix.EventSourced.Federation.Discovery;
using Matrix.EventSourced.Federation.Transport;

namespace Matrix.EventSourced.Federation.UrlPreviews;

/// <summary>Fetches what users link to. No cookies, no proxy, nothing that tells who asks.</summary>
/// <remarks>
/// Every connection goes through the guard of addresses, right before it is opened, so no name, redirect or answer of
/// DNS leads to a place that is denied. Every hop must be http or https, at a host that may be asked.
/// Errors: values.
/// </remarks>
public sealed class PageFetcher : IDisposable
{
    private readonly HttpMessageInvoker _invoker;
    private readonly UrlPreviewOptions _options;

    public PageFetcher(INameResolver resolver, UrlPreviewOptions options, TimeProvider time)
    {
        _options = options;
        var guard = new AddressGuard(options.DeniedIpRanges, options.AllowsPrivateAddresses);
        var connector = new GuardedConnector(resolver, guard, time);
        _invoker = new HttpMessageInvoker(new SocketsHttpHandler
        {
            ConnectCallback = (context, cancellationToken) =>
                connector.ConnectAsync(context.DnsEndPoint, cancellationToken),
            ConnectTimeout = TimeSpan.FromSeconds(10),
            // Few pages are of the same server, and none soon after another.
            PooledConnectionIdleTimeout = TimeSpan.FromSeconds(10),
            PooledConnectionLifetime = TimeSpan.FromMinutes(1),
            MaxConnectionsPerServer = 4,
            MaxResponseHeadersLength = 64,
            AutomaticDecompression = DecompressionMethods.All,
            AllowAutoRedirect = false,
            UseCookies = false,
            UseProxy = false,
            ActivityHeadersPropagator = null,
        });
    }

    public void Dispose() => _invoker.Dispose();

    /// <summary>Asks for a page or an image, following redirects; the answer holds the connection until it is
    /// disposed.</summary>
    public async ValueTask<FetchedPage> FetchAsync(Uri address, string accept, CancellationToken cancellationToken)
    {
        try
        {
            return await FollowAsync(address, accept, cancellationToken);
        }
        catch (Exception problem) when (problem is HttpRequestException or IOException
            or UriFormatException or NotSupportedException or InvalidOperationException)
        {
            return TransportFault.IsDenied(problem)
                ? FetchedPage.Denied(TransportFault.Describe(problem))
                : FetchedPage.Failed(TransportFault.Describe(problem));
        }
    }

    private async ValueTask<FetchedPage> FollowAsync(Uri address, string accept, CancellationToken cancellationToken)
    {
        for (var redirects = 0; redirects <= UrlPreviewOptions.RedirectsMax; redirects++)
        {
            if (!IsHttp(address) || address.UserInfo.Length > 0)
                return FetchedPage.Failed("it leads to something but http");
            if (!_options.Allows(address))
                return FetchedPage.Denied($"{address.Host} is not asked");
            using var message = new HttpRequestMessage(HttpMethod.Get, address)
            {
                Version = HttpVersion.Version20,
                VersionPolicy = HttpVersionPolicy.RequestVersionOrLower,
            };
            message.Headers.UserAgent.ParseAdd(_options.UserAgent);
            message.Headers.TryAddWithoutValidation("Accept", accept);
            message.Headers.TryAddWithoutValidation("Accept-Language", "en, *;q=0.5");
            var response = await _invoker.SendAsync(message, cancellationToken);
            if (response.IsSuccessStatusCode)
                return new FetchedPage(response, address);
            using (response)
            {
                if ((int)response.StatusCode is not (301 or 302 or 303 or 307 or 308)
                    || response.Headers.Location is not { } location)
                {
                    return FetchedPage.Failed($"it answers {(int)response.StatusCode}");
                }
                address = new Uri(address, location);
            }
        }
        return FetchedPage.Failed("it redirects too often");
    }

    internal static bool IsHttp(Uri address) =>
        address.Scheme == Uri.UriSchemeHttp || address.Scheme == Uri.UriSchemeHttps;
}

/// <summary>An answer whose body is still to be read, or why there is none.</summary>
/// <remarks>Shape: Response is null exactly where Problem is not; Address is where the last redirect led.</remarks>
public sealed class FetchedPage : IDisposable
{
    internal FetchedPage(HttpResponseMessage response, Uri address) => (Response, Address) = (response, address);

    private FetchedPage(string problem, bool isDenied) => (Problem, IsDenied) = (problem, isDenied);

    public HttpResponseMessage? Response { get; }

    public Uri? Address { get; }

    public string? Problem { get; }

    /// <summary>Nothing was asked, because the place may not be.</summary>
    public bool IsDenied { get; }

    internal static FetchedPage Denied(string problem) => new(problem, isDenied: true);

    internal static FetchedPage Failed(string problem) => new(problem, isDenied: false);

    public void Dispose() => Response?.Dispose();
}
