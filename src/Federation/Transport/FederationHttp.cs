using System.Net;
using System.Net.Security;
using Matrix.EventSourced.Federation.Discovery;

namespace Matrix.EventSourced.Federation.Transport;

/// <summary>The pool of connections to other servers.</summary>
/// <remarks>
/// Shape: one handler; it pools by the place that is connected to and by the name in the certificate (taken from the
/// Host header), so two servers behind one address never share a connection. HTTP/2 where the server offers it.
/// No cookies, no proxy, no redirects of its own.
/// </remarks>
public sealed class FederationHttp : IDisposable
{
    private readonly HttpMessageInvoker _invoker;

    public FederationHttp(INameResolver resolver, FederationOptions options, TimeProvider time)
    {
        var guard = new AddressGuard(options.DeniedIpRanges, options.AllowsPrivateAddresses);
        var connector = new GuardedConnector(resolver, guard, time);
        var check = new CertificateCheck(options.Authorities, options.VerifiesCertificates);
        _invoker = new HttpMessageInvoker(new SocketsHttpHandler
        {
            ConnectCallback = (context, cancellationToken) =>
                connector.ConnectAsync(context.DnsEndPoint, cancellationToken),
            SslOptions = new SslClientAuthenticationOptions
            {
                RemoteCertificateValidationCallback = (_, certificate, chain, errors) =>
                    check.Accepts(certificate, chain, errors),
            },
            ConnectTimeout = TimeSpan.FromSeconds(10),
            PooledConnectionIdleTimeout = TimeSpan.FromSeconds(90),
            // Names move: a connection does not outlive its address for long.
            PooledConnectionLifetime = TimeSpan.FromMinutes(15),
            MaxConnectionsPerServer = FederationLimits.RequestsPerDestinationMax,
            MaxResponseHeadersLength = 64,
            AutomaticDecompression = DecompressionMethods.GZip | DecompressionMethods.Deflate,
            AllowAutoRedirect = false,
            UseCookies = false,
            UseProxy = false,
            ActivityHeadersPropagator = null,
        });
    }

    public HttpMessageInvoker Invoker => _invoker;

    public void Dispose() => _invoker.Dispose();
}
