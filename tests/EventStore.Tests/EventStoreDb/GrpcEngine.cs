using System.Net;
using System.Security.Cryptography.X509Certificates;
using Matrix.EventSourced.EventStore.Embedded;
using Matrix.EventSourced.EventStore.EventStoreDb;
using Matrix.EventSourced.EventStore.Gateway;
using Matrix.EventSourced.EventStore.Tests.Contract;
using Microsoft.Extensions.Logging.Abstractions;

namespace Matrix.EventSourced.EventStore.Tests.EventStoreDb;

/// <summary>The gRPC engine over a gateway in the process, which serves an embedded log.</summary>
public sealed class GrpcEngine : TestEngine
{
    private readonly EmbeddedEngine _embedded = new();
    private EmbeddedEventStore? _log;
    private LogGateway? _gateway;

    public override bool IsPersistent => true;

    public override async ValueTask<IEventStore> OpenAsync(Action<string>? beforeOperation = null)
    {
        _log = await EmbeddedEventStore.OpenAsync(
            new EmbeddedOptions { Folder = _embedded.Folder, BeforeOperation = beforeOperation }, Time, NullLogger.Instance);
        _gateway = await StartGatewayAsync(_log);
        return await ConnectAsync(_gateway.Addresses[0]["http://".Length..]);
    }

    public override async ValueTask CloseAsync(IEventStore store)
    {
        await base.CloseAsync(store);
        if (_gateway is not null)
            await _gateway.DisposeAsync();
        if (_log is not null)
            await _log.DisposeAsync();
        (_gateway, _log) = (null, null);
    }

    public override async ValueTask DisposeAsync()
    {
        await _embedded.DisposeAsync();
        await base.DisposeAsync();
    }

    public static Task<LogGateway> StartGatewayAsync(
        IEventStore log,
        int port = 0,
        GatewayCredentials? credentials = null,
        X509Certificate2Collection? certificates = null) => LogGateway.StartAsync(
            log,
            new GatewayOptions([new GatewayListener(IPAddress.Loopback, port, certificates)], credentials),
            TimeProvider.System,
            NullLoggerFactory.Instance);

    /// <summary>Waits are short, so that a node that went away is noticed soon; the client's clock is the real one: a
    /// wait that never ends is no wait.</summary>
    public static Task<EventStoreDbEventStore> ConnectAsync(
        string hosts, string parameters = "tls=false", int attemptsMax = 6, CancellationToken cancellationToken = default) =>
        EventStoreDbEventStore.ConnectAsync(
            Options($"esdb://{hosts}?{parameters}&discoveryInterval=2&maxDiscoverAttempts={attemptsMax}"),
            TimeProvider.System,
            NullLogger.Instance,
            cancellationToken: cancellationToken);

    public static EventStoreDbOptions Options(string connection) => new()
    {
        Connection = ConnectionString.Parse(connection),
        Random = new Random(7),
        BackoffMax = TimeSpan.FromMilliseconds(50),
    };
}

public sealed class Grpc_engine() : EventStoreContract(new GrpcEngine());
