using Matrix.EventSourced.Api.AppService;
using Matrix.EventSourced.Api.Configuration;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Api.Logging;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.EventStore.Gateway;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Protocol.Signing;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Matrix.EventSourced.Api.Hosting;

/// <summary>One running homeserver; the program runs one, a test as many as it likes.</summary>
/// <remarks>
/// <code>
///   start:  data folder (lock) → signing key → log → PostgreSQL → projections caught up → listeners open
///   stop:   listeners close, long polls answer at once → projections → PostgreSQL → log → lock
/// </code>
/// Ensures: a listener accepts only once requests can really be served.
/// Errors: <see cref="StartException"/> for what the administrator can change.
/// </remarks>
public sealed class Homeserver : IAsyncDisposable
{
    /// <summary>
    /// LIMIT: how long requests under way may take once the server stops. Ours: a write takes milliseconds.
    /// </summary>
    private static readonly TimeSpan DrainMax = TimeSpan.FromSeconds(5);

    private readonly WebApplication _app;
    private readonly Storage _storage;
    private readonly DataFolder _data;
    private readonly ILoggerFactory? _ownLogging;
    private readonly LogGateway? _gateway;
    private int _stopped;

    private Homeserver(
        WebApplication app,
        Storage storage,
        DataFolder data,
        ILoggerFactory? ownLogging,
        LogGateway? gateway,
        HomeserverConfig config)
    {
        (_app, _storage, _data, _ownLogging, _gateway) = (app, storage, data, ownLogging, gateway);
        // Kestrel lists the addresses in the order in which they were asked for, the control socket last.
        var addresses = app.Urls.ToList();
        ClientAddresses = addresses.GetRange(0, config.Client.Listen.Count);
        FederationAddresses = addresses.GetRange(config.Client.Listen.Count, config.Federation.Listener.Listen.Count);
    }

    /// <summary>Where clients reach it, with the ports really taken.</summary>
    public IReadOnlyList<string> ClientAddresses { get; }

    public IReadOnlyList<string> FederationAddresses { get; }

    /// <summary>Where clients of EventStoreDB reach the log; empty while that is off.</summary>
    public IReadOnlyList<string> GatewayAddresses => _gateway?.Addresses ?? [];

    public IServiceProvider Services => _app.Services;

    /// <summary>Starts a homeserver; returns once it serves.</summary>
    public static async Task<Homeserver> StartAsync(
        HomeserverConfig config, HomeserverParts? given = null, CancellationToken cancellationToken = default)
    {
        var parts = given ?? new HomeserverParts();
        var time = parts.Time ?? TimeProvider.System;
        var random = parts.Random ?? new SystemRandom();
        var data = DataFolder.Open(config.DataFolder, config.ServerName);
        var ownLogging = parts.Logging is null ? MakeLogging(config.Log, time) : null;
        var logging = parts.Logging ?? ownLogging!;
        Storage? storage = null;
        WebApplication? app = null;
        try
        {
            var key = SigningKeyFile.LoadOrMake(data.SigningKeyFile, random);
            var identity = new ServerIdentity(config.ServerName, key);
            storage = await Composition.OpenStorageAsync(config, data, parts, time, logging, cancellationToken);
            app = Build(config, data, identity, storage, parts, time, random, logging);
            data.ControlSocket.RemoveStale();
            await StartAsync(app, cancellationToken);
            data.ControlSocket.Protect();
            var gateway = config.Gateway.IsOn
                ? await Composition.StartGatewayAsync(
                    config, data.TlsFolder, storage.EventStore, time, logging, cancellationToken)
                : null;
            return new Homeserver(app, storage, data, ownLogging, gateway, config);
        }
        catch
        {
            if (app is not null)
                await app.DisposeAsync();
            if (storage is not null)
                await storage.DisposeAsync();
            ownLogging?.Dispose();
            data.Dispose();
            throw;
        }
    }

    /// <summary>Makes a projection (or <c>all</c>) again from the log, without serving anything.</summary>
    public static async Task RebuildAsync(
        HomeserverConfig config, string projection, HomeserverParts parts, CancellationToken cancellationToken)
    {
        await using var stopped = await StoppedHomeserver.OpenAsync(config, parts, cancellationToken);
        var host = stopped.Services.GetRequiredService<ProjectionHost>();
        if (projection != "all" && !host.Names.Contains(projection))
            throw new StartException(
                $"There is no projection '{projection}'; there are: {string.Join(", ", host.Names)}, all.");
        await host.RebuildStoppedAsync(projection, cancellationToken);
    }

    /// <summary>Ends when <paramref name="stop"/> does; then the server has stopped cleanly.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        var stopped = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var registration = stop.Register(stopped.SetResult);
        await stopped.Task;
        await DisposeAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _stopped, 1) != 0)
            return;
        // Says "stopping" first, which ends the long polls; then listeners close and hosted services stop in reverse
        // order.
        if (_gateway is not null)
            await _gateway.DisposeAsync();
        await _app.StopAsync();
        await _app.DisposeAsync();
        await _storage.DisposeAsync();
        _ownLogging?.Dispose();
        _data.Dispose();
    }

    private static async Task StartAsync(WebApplication app, CancellationToken cancellationToken)
    {
        try
        {
            await app.StartAsync(cancellationToken);
        }
        catch (IOException exception)
        {
            // What Kestrel says of an address that is in use, or not ours.
            throw new StartException(exception.Message);
        }
    }

    private static WebApplication Build(
        HomeserverConfig config,
        DataFolder data,
        ServerIdentity identity,
        Storage storage,
        HomeserverParts parts,
        TimeProvider time,
        IRandom random,
        ILoggerFactory logging)
    {
        var client = Composition.ClientEndpoints();
        var federation = Composition.FederationEndpoints();
        // Empty: no configuration of its own, no signals, no framework logging, no middleware.
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        var bodyBytesMax = client.Entries.Concat(federation.Entries).Max(entry => entry.Spec.BodyBytesMax);
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel =>
            Listeners.Configure(kestrel, config, data, bodyBytesMax, time.GetUtcNow()));
        builder.Services.AddSingleton(data);
        builder.Services.Replace(ServiceDescriptor.Singleton<IHostLifetime, NoHostLifetime>());
        builder.Services.Configure<HostOptions>(options => options.ShutdownTimeout = DrainMax);
        AddCommon(builder.Services, logging, time, random);
        builder.Services.AddSingleton(SigningKeyFile.LoadRetired(data.SigningKeyFile));
        Composition.AddHomeserver(builder.Services, config, identity, storage);
        parts.Services?.Invoke(builder.Services);

        var app = builder.Build();
        var clientPipeline = Pipeline(app, client, config, isClient: true);
        var federationPipeline = Pipeline(app, federation, config, isClient: false);
        var controlPipeline = Pipeline(app, Composition.ControlEndpoints(), config, isClient: false);
        app.Run(http =>
        {
            var role = http.Features.Get<ListenerRole>();
            return role == ListenerRole.Federation ? federationPipeline.HandleAsync(http)
                : role == ListenerRole.Control ? controlPipeline.HandleAsync(http)
                : clientPipeline.HandleAsync(http);
        });
        return app;
    }

    internal static void AddCommon(
        IServiceCollection services, ILoggerFactory logging, TimeProvider time, IRandom random)
    {
        services.Replace(ServiceDescriptor.Singleton(logging));
        services.AddSingleton(time);
        services.AddSingleton(random);
    }

    private static RequestPipeline Pipeline(
        WebApplication app, EndpointTable table, HomeserverConfig config, bool isClient)
    {
        var time = app.Services.GetRequiredService<TimeProvider>();
        return new RequestPipeline(
            new Router(table),
            app.Services.GetRequiredService<RateLimiter>(),
            isClient ? app.Services.GetService<IAuthenticator>() : null,
            time,
            new PipelineOptions(Cors: isClient, app.Services.GetRequiredService<TrustedProxies>())
            {
                Servers = app.Services.GetService<ServerAuthenticator>(),
                Appservices = isClient ? app.Services.GetService<AppserviceAuthenticator>() : null,
                Activity = isClient ? app.Services.GetService<DeviceActivity>() : null,
            },
            app.Services.GetRequiredService<ILogger<RequestPipeline>>(),
            app.Lifetime.ApplicationStopping);
    }

    internal static ILoggerFactory MakeLogging(LogConfig config, TimeProvider time) =>
        LoggerFactory.Create(logging => logging
        .SetMinimumLevel(config.Level)
        // The framework's own lines are of no use below a warning, and one per request would cost.
        .AddFilter("Microsoft", config.Level > LogLevel.Warning ? config.Level : LogLevel.Warning)
        .AddFilter("Grpc", config.Level > LogLevel.Warning ? config.Level : LogLevel.Warning)
        .AddFilter("Marten", config.Level > LogLevel.Warning ? config.Level : LogLevel.Warning)
        .AddFilter("Npgsql", config.Level > LogLevel.Warning ? config.Level : LogLevel.Warning)
        .AddProvider(new LineLoggerProvider(Console.Error, config.IsJson, time)));

    /// <summary>Signals are the program's business: several servers in one process would each catch them.</summary>
    private sealed class NoHostLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
