using System.Net;
using System.Net.Sockets;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Federation.Discovery;
using Matrix.EventSourced.Federation.Transport;
using Matrix.EventSourced.Kit.Hosting;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Signing;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Delegation = Matrix.EventSourced.Federation.Discovery.WellKnown;

namespace Matrix.EventSourced.Api.Tests.Federation;

/// <summary>No word of another server (name, delegation, redirect, SRV record, DNS answer) makes this one connect to an
/// address that is denied. A listener there counts who comes.</summary>
public sealed class Denied_addresses : IAsyncLifetime, IDisposable
{
    private static readonly IPAddress Denied = IPAddress.Parse("127.0.0.2");

    private readonly TcpListener _listener = new(Denied, 0);
    private readonly Names _names = new();
    private readonly FederationOptions _options = new()
    {
        VerifiesCertificates = false,
        DeniedIpRanges = [IPNetwork.Parse("127.0.0.2/32")],
    };

    private WebApplication _allowed = null!;
    private Func<HttpContext, Task> _answer = _ => Task.CompletedTask;
    private int _connections;
    private Task _listening = Task.CompletedTask;

    private int DeniedPort => ((IPEndPoint)_listener.LocalEndpoint).Port;

    private int AllowedPort => new Uri(_allowed.Urls.First()).Port;

    public async Task InitializeAsync()
    {
        _listener.Start();
        _listening = CountAsync();
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        using var key = System.Security.Cryptography.RSA.Create(2048);
        var made = new System.Security.Cryptography.X509Certificates.CertificateRequest(
            "CN=test",
            key,
            System.Security.Cryptography.HashAlgorithmName.SHA256,
            System.Security.Cryptography.RSASignaturePadding.Pkcs1)
            .CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        builder.WebHost.ConfigureKestrel(kestrel =>
            kestrel.Listen(IPAddress.Loopback, 0, listen => listen.UseHttps(made)));
        _allowed = builder.Build();
        _allowed.Run(context => _answer(context));
        await _allowed.StartAsync();
    }

    public async Task DisposeAsync()
    {
        await _allowed.DisposeAsync();
        _listener.Stop();
        await _listening;
    }

    public void Dispose() => _listener.Dispose();

    [Fact]
    public async Task redirects_are_followed_only_to_where_one_may_go()
    {
        _names["good.test"] = [IPAddress.Loopback];
        _names["bad.test"] = [Denied];
        using var http = Http();
        var reader = new WellKnownReader(http.Invoker, TimeProvider.System);
        string[] targets =
        [
            $"https://127.0.0.2:{DeniedPort}/", $"https://bad.test:{DeniedPort}/", $"https://[::ffff:127.0.0.2]:{DeniedPort}/",
            $"https://[::127.0.0.2]:{DeniedPort}/", $"https://127.2:{DeniedPort}/", $"https://2130706434:{DeniedPort}/",
            $"https://0x7f000002:{DeniedPort}/", $"https://user@127.0.0.2:{DeniedPort}/", $"//127.0.0.2:{DeniedPort}/",
            $"https://[64:ff9b::127.0.0.2]:{DeniedPort}/", $"https://[2002:7f00:2::]:{DeniedPort}/",
            $"http://127.0.0.2:{DeniedPort}/",
        ];
        foreach (var target in targets)
        {
            _answer = context =>
            {
                context.Response.StatusCode = 302;
                context.Response.Headers.Location = target;
                return Task.CompletedTask;
            };
            var read = await reader.ReadAsync($"good.test:{AllowedPort}", CancellationToken.None);
            Assert.True(read is { Server: null, Problem: not null }, target);
        }
        _answer = context => context.Request.Path == "/there"
            ? context.Response.WriteAsync("""{"m.server":"found.test"}""")
            : Redirect(context, "/there");
        var good = await reader.ReadAsync($"good.test:{AllowedPort}", CancellationToken.None);

        Assert.Equal("found.test", good.Server?.Value);
        Assert.Equal(0, _connections);
    }

    [Fact]
    public async Task names_delegations_and_services_lead_nowhere_else()
    {
        _names["bad.test"] = [Denied];
        _names["mixed.test"] = [Denied, IPAddress.Parse("::ffff:127.0.0.2")];
        _names["behind.test"] = [];
        _names.Services["_matrix-fed._tcp.service.test"] = new ServiceRecord(1, 1, DeniedPort, "bad.test");
        _names.Services["_matrix._tcp.older.test"] = new ServiceRecord(1, 1, DeniedPort, "bad.test");
        var delegations = new Delegations
        {
            ["delegates.test"] = $"127.0.0.2:{DeniedPort}",
            ["delegates6.test"] = $"[::ffff:127.0.0.2]:{DeniedPort}",
            ["delegatesname.test"] = $"bad.test:{DeniedPort}",
            ["delegatesservice.test"] = "service.test",
        };
        using var http = Http();
        var transport = Transport(http, delegations);
        string[] servers =
        [
            $"127.0.0.2:{DeniedPort}", $"[::ffff:127.0.0.2]:{DeniedPort}", $"[::7f00:2]:{DeniedPort}", $"bad.test:{DeniedPort}",
            $"mixed.test:{DeniedPort}", "service.test", "older.test", "delegates.test", "delegates6.test",
            "delegatesname.test", "delegatesservice.test",
        ];
        foreach (var server in servers)
        {
            var answer = await transport.SendAsync(
                new FederationRequest(ServerName.Parse(server), "GET", "/_matrix/federation/v1/version"),
                CancellationToken.None);
            Assert.True(answer is FederationAnswer.Denied, $"{server}: {answer}");
        }

        Assert.Equal(0, _connections);
    }

    /// <summary>The name is looked at again for each connection, and the connection goes to the address that was looked
    /// at.</summary>
    [Fact]
    public async Task name_that_moves_between_two_looks_is_caught()
    {
        _answer = context => context.Response.WriteAsync("{}");
        using var http = Http();
        var transport = Transport(http, new Delegations());
        var request = new FederationRequest(
            ServerName.Parse($"moving.test:{AllowedPort}"), "GET", "/_matrix/federation/v1/version");
        _names["moving.test"] = [IPAddress.Loopback];
        var first = await transport.SendAsync(request, CancellationToken.None);
        _names["moving.test"] = [Denied];
        var second = await transport.SendAsync(
            request with { Destination = ServerName.Parse($"moving.test:{DeniedPort}") }, CancellationToken.None);

        Assert.IsType<FederationAnswer.Answered>(first);
        Assert.IsType<FederationAnswer.Denied>(second);
        Assert.Equal(0, _connections);
    }

    [Fact]
    public async Task ranges_that_are_denied_unless_said_otherwise_cover_every_private_address()
    {
        IReadOnlyList<IPNetwork> denied = [];
        await using (await TestHomeserver.StartAsync(new TestHomeserverOptions
        {
            Configure = config =>
            {
                denied = config.Federation.DeniedIpRanges;
                return config;
            },
        }))
        {
        }
        var guard = new AddressGuard(denied, allowsAll: false);
        string[] addresses =
        [
            "0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.255.255.254", "169.254.169.254", "172.16.0.1",
            "172.31.255.255", "192.0.0.8", "192.168.1.1", "198.18.0.1", "224.0.0.1", "255.255.255.255", "::", "::1",
            "fc00::1", "fd12::1", "fe80::1", "ff02::1", "::ffff:10.0.0.1", "::10.0.0.1", "64:ff9b::10.0.0.1", "2002:a00:1::",
        ];
        foreach (var address in addresses)
            Assert.False(guard.Allows(IPAddress.Parse(address)), address);
        foreach (var address in new[] { "8.8.8.8", "172.32.0.1", "2a00:1450::1", "::ffff:8.8.8.8" })
            Assert.True(guard.Allows(IPAddress.Parse(address)), address);
    }

    private static Task Redirect(HttpContext context, string target)
    {
        context.Response.StatusCode = 307;
        context.Response.Headers.Location = target;
        return Task.CompletedTask;
    }

    private FederationHttp Http() => new(_names, _options, TimeProvider.System);

    private HttpFederationTransport Transport(FederationHttp http, Delegations delegations)
    {
        var discovery = new ServerDiscovery(
            _names, delegations, TimeProvider.System, new SystemRandom(), NullLogger<ServerDiscovery>.Instance);
        var identity = new ServerIdentity(
            ServerName.Parse("us.test"), ServerSigningKey.FromSeed(KeyId.Parse("ed25519:us"), new byte[32]));
        return new HttpFederationTransport(
            identity, discovery, http, _options, TimeProvider.System, NullLogger<HttpFederationTransport>.Instance);
    }

    private async Task CountAsync()
    {
        while (true)
        {
            try
            {
                using var connection = await _listener.AcceptSocketAsync();
                Interlocked.Increment(ref _connections);
            }
            catch (Exception problem) when (problem is SocketException or ObjectDisposedException or InvalidOperationException)
            {
                return;
            }
        }
    }

    /// <summary>A resolver that says what the test says; addresses stand for themselves.</summary>
    private sealed class Names : Dictionary<string, IPAddress[]>, INameResolver
    {
        public Dictionary<string, ServiceRecord> Services { get; } = [];

        public ValueTask<IReadOnlyList<IPAddress>> AddressesAsync(string host, CancellationToken cancellationToken)
        {
            var literal = host.Trim('[', ']');
            return new(IPAddress.TryParse(literal, out var address)
                ? [address]
                : this.GetValueOrDefault(host) ?? []);
        }

        public ValueTask<ServiceRecords> ServicesAsync(string name, CancellationToken cancellationToken) =>
            new(Services.TryGetValue(name, out var record)
                ? new ServiceRecords([record], ServiceRecords.LifetimeMin)
                : ServiceRecords.None);
    }

    private sealed class Delegations : Dictionary<string, string>, IWellKnownReader
    {
        public ValueTask<Delegation> ReadAsync(string host, CancellationToken cancellationToken) =>
            new(TryGetValue(host, out var server)
                ? new Delegation(ServerName.Parse(server), null)
                : new Delegation(null, null, "no delegation"));
    }
}
