using System.Security.Cryptography.X509Certificates;
using System.Text;
using Matrix.EventSourced.Api.Configuration;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Matrix.EventSourced.Api.Hosting;

/// <summary>Sets up Kestrel: its limits, the addresses of both APIs, and their certificates.</summary>
internal static class Listeners
{
    /// <summary>LIMIT: bytes of the request line. Ours: /sync may carry a whole filter in its query.</summary>
    private const int RequestLineBytesMax = 64 * 1024;

    public static void Configure(
        KestrelServerOptions kestrel, HomeserverConfig config, DataFolder data, int bodyBytesMax, DateTimeOffset now)
    {
        kestrel.AddServerHeader = false;
        // Any bytes may stand in a header: a token that is no UTF-8 is an unknown token, not a request that breaks.
        kestrel.RequestHeaderEncodingSelector = static _ => Encoding.Latin1;
        kestrel.Limits.MaxRequestLineSize = RequestLineBytesMax;
        // Bodies are counted per endpoint (EndpointSpec.BodyBytesMax); this only bounds what nobody reads.
        kestrel.Limits.MaxRequestBodySize = bodyBytesMax + 64 * 1024;
        Add(kestrel, config.Client, "client", ListenerRole.Client, config, data, now);
        Add(kestrel, config.Federation.Listener, "federation", ListenerRole.Federation, config, data, now);
        kestrel.ListenUnixSocket(data.ControlSocket.Path, options => SetRole(options, ListenerRole.Control));
    }

    private static void Add(
        KestrelServerOptions kestrel,
        ListenerConfig listener,
        string section,
        ListenerRole role,
        HomeserverConfig config,
        DataFolder data,
        DateTimeOffset now)
    {
        X509Certificate2Collection? chain = null;
        foreach (var address in listener.Listen)
        {
            if (address.IsTls)
                chain ??= TlsCertificates.Load(listener, section, data.TlsFolder, config.ServerName, now);
            kestrel.Listen(address.Address, address.Port, options =>
            {
                SetRole(options, role);
                options.Protocols = address.IsTls ? HttpProtocols.Http1AndHttp2 : HttpProtocols.Http1;
                if (address.IsTls)
                {
                    options.UseHttps(https =>
                    {
                        https.ServerCertificate = chain![0];
                        https.ServerCertificateChain = chain;
                    });
                }
            });
        }
    }

    private static void SetRole(ListenOptions options, ListenerRole role)
    {
        options.Use(next => connection =>
        {
            connection.Features.Set(role);
            return next(connection);
        });
    }
}
