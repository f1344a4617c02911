using System.Net;
using Matrix.EventSourced.Api.Configuration;
using Matrix.EventSourced.Kit.Hosting;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.EventSourced.Api.Tests.Federation;

/// <summary>Servers with a federation listener on loopback; each is named after its address.</summary>
internal static class FederatingServers
{
    public static Task<TestHomeserver> StartAsync(
        Func<FederationConfig, FederationConfig> configure, Action<IServiceCollection>? services = null, TimeProvider? time = null)
    {
        var port = FreePorts.Take();
        var listener = new ListenerConfig { Listen = [new ListenAddress(IsTls: true, IPAddress.Loopback, port)] };
        return TestHomeserver.StartAsync(new TestHomeserverOptions
        {
            ServerName = $"127.0.0.1:{port}",
            IsLogInMemory = true,
            Services = services,
            Time = time,
            Configure = config => config with
            {
                Federation = configure(config.Federation with { Listener = listener }),
            },
        });
    }

    /// <summary>As servers of one machine have to be set up: loopback is allowed, self-signed certificates will
    /// do.</summary>
    public static Task<TestHomeserver> StartAsync() => StartAsync((Interception?)null);

    /// <inheritdoc cref="StartAsync()"/>
    public static Task<TestHomeserver> StartAsync(Interception? interception, TimeProvider? time = null) => StartAsync(
        federation => federation with
        {
            AllowPrivateAddresses = true,
            VerifyCertificates = false,
        },
        interception is null ? null : interception.Install,
        time);
}
