using System.Globalization;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Matrix.EventSourced.EventStore.Gateway;

/// <summary>One address of the gateway. Shape: port 0 takes a free one; no certificates: without TLS.</summary>
public sealed record GatewayListener(IPAddress Address, int Port, X509Certificate2Collection? Certificates = null);

/// <summary>Where the gateway listens, and to whom. Requires: at least one listener.</summary>
public sealed record GatewayOptions(IReadOnlyList<GatewayListener> Listeners, GatewayCredentials? Credentials = null);

/// <summary>The log over EventStoreDB's own gRPC protocol. See the README.md beside it for what it promises.</summary>
/// <remarks>
/// Ensures: it serves when <see cref="StartAsync"/> returns; after <see cref="DisposeAsync"/> no call runs any more.
/// The log is not closed with it.
/// Errors: IOException for an address that cannot be had.
/// </remarks>
public sealed class LogGateway : IAsyncDisposable
{
    /// <summary>LIMIT: bytes of one gRPC message from a client. Ours: above the largest append, so that one which is
    /// too large is told so.</summary>
    private const int MessageBytesMax = 4 * EventStoreLimits.AppendBytesMax;

    /// <summary>LIMIT: calls on one connection. Ours: every projection of a homeserver has a subscription.</summary>
    private const int CallsPerConnectionMax = 1000;

    /// <summary>LIMIT: bytes that a connection, and a call, may send ahead. Ours: an append of the largest size goes
    /// without a pause.</summary>
    private const int ConnectionWindowBytes = 4 * 1024 * 1024;
    private const int CallWindowBytes = 2 * 1024 * 1024;

    /// <summary>The protocol's own: a dead peer is noticed after twice that.</summary>
    private static readonly TimeSpan KeepAlive = TimeSpan.FromSeconds(10);

    /// <summary>LIMIT: how long calls under way may take once the gateway stops. Ours: an append takes
    /// milliseconds.</summary>
    private static readonly TimeSpan DrainMax = TimeSpan.FromSeconds(5);

    private readonly WebApplication _app;
    private readonly CancellationTokenSource _stopping;
    private int _disposed;

    private LogGateway(WebApplication app, CancellationTokenSource stopping)
    {
        _app = app;
        _stopping = stopping;
        Addresses = [.. app.Urls];
    }

    /// <summary>Where it is reached, with the ports really taken: <c>http://127.0.0.1:2113</c>.</summary>
    public IReadOnlyList<string> Addresses { get; }

    /// <summary>Serves a log until it is disposed of.</summary>
    public static async Task<LogGateway> StartAsync(
        IEventStore log,
        GatewayOptions options,
        TimeProvider time,
        ILoggerFactory logging,
        CancellationToken cancellationToken = default)
    {
        var stopping = new CancellationTokenSource();
        var app = Build(log, options, time, logging, stopping.Token);
        try
        {
            await app.StartAsync(cancellationToken);
            return new LogGateway(app, stopping);
        }
        catch
        {
            await app.DisposeAsync();
            stopping.Dispose();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        await _stopping.CancelAsync();
        await _app.StopAsync();
        await _app.DisposeAsync();
        _stopping.Dispose();
    }

    private static WebApplication Build(
        IEventStore log,
        GatewayOptions options,
        TimeProvider time,
        ILoggerFactory logging,
        CancellationToken stopping)
    {
        // Empty: no configuration of its own, no signals, no middleware but ours.
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel => Configure(kestrel, options.Listeners));
        var services = builder.Services;
        services.Replace(ServiceDescriptor.Singleton<IHostLifetime, NoHostLifetime>());
        services.Replace(ServiceDescriptor.Singleton(logging));
        services.Configure<HostOptions>(host => host.ShutdownTimeout = DrainMax);
        services.AddSingleton(time);
        services.AddSingleton(log);
        services.AddSingleton(new GatewayLifetime(stopping));
        services.AddSingleton<StreamsService>();
        services.AddSingleton<ServerFeaturesService>();
        services.AddSingleton<GossipService>();
        services.AddGrpc(grpc =>
        {
            grpc.MaxReceiveMessageSize = MessageBytesMax;
            grpc.MaxSendMessageSize = null;
        });
        var app = builder.Build();
        if (options.Credentials is { } credentials)
            app.Use(next => http => Admit(http, next, credentials));
        app.UseRouting();
        app.MapGrpcService<StreamsService>();
        app.MapGrpcService<ServerFeaturesService>();
        app.MapGrpcService<GossipService>();
        return app;
    }

    private static void Configure(KestrelServerOptions kestrel, IReadOnlyList<GatewayListener> listeners)
    {
        kestrel.AddServerHeader = false;
        kestrel.RequestHeaderEncodingSelector = static _ => Encoding.Latin1;
        kestrel.Limits.MaxRequestBodySize = null;
        // A subscriber may take its time, and a writer may have nothing to say.
        kestrel.Limits.MinRequestBodyDataRate = null;
        kestrel.Limits.MinResponseDataRate = null;
        kestrel.Limits.Http2.MaxStreamsPerConnection = CallsPerConnectionMax;
        kestrel.Limits.Http2.InitialConnectionWindowSize = ConnectionWindowBytes;
        kestrel.Limits.Http2.InitialStreamWindowSize = CallWindowBytes;
        kestrel.Limits.Http2.KeepAlivePingDelay = KeepAlive;
        kestrel.Limits.Http2.KeepAlivePingTimeout = KeepAlive;
        foreach (var listener in listeners)
        {
            kestrel.Listen(listener.Address, listener.Port, options =>
            {
                options.Protocols = HttpProtocols.Http2;
                if (listener.Certificates is not { } chain)
                    return;
                options.UseHttps(https =>
                {
                    https.ServerCertificate = chain[0];
                    https.ServerCertificateChain = chain;
                });
            });
        }
    }

    private static Task Admit(HttpContext http, RequestDelegate next, GatewayCredentials credentials)
    {
        if (GatewayCredentials.IsOpen(http.Request.Path) || credentials.Admit(http.Request.Headers.Authorization))
            return next(http);
        // An answer of headers only, as gRPC has it.
        http.Response.ContentType = "application/grpc";
        http.Response.Headers["grpc-status"] =
            ((int)StatusCode.Unauthenticated).ToString(CultureInfo.InvariantCulture);
        http.Response.Headers["grpc-message"] = "Unauthenticated";
        return Task.CompletedTask;
    }

    /// <summary>Signals are the program's business.</summary>
    private sealed class NoHostLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
