using System.Net;
using Matrix.EventSourced.Api.Configuration;

namespace Matrix.EventSourced.Api.CommandLine;

/// <summary>An HTTP client for the server that runs with the same configuration on this machine.</summary>
internal static class LocalClient
{
    public static HttpClient Create(HomeserverConfig config)
    {
        var listen = config.Client.Listen[0];
        if (listen.Address.Equals(IPAddress.Any))
            listen = listen with { Address = IPAddress.Loopback };
        if (listen.Address.Equals(IPAddress.IPv6Any))
            listen = listen with { Address = IPAddress.Loopback };
        // Its certificate may be self-signed; it is our own machine, named by our own configuration.
        var handler = new HttpClientHandler
        {
            ServerCertificateCustomValidationCallback = HttpClientHandler.DangerousAcceptAnyServerCertificateValidator,
        };
        return new HttpClient(handler, disposeHandler: true)
        {
            BaseAddress = new Uri(listen.ToString()),
            Timeout = TimeSpan.FromSeconds(30),
        };
    }
}
