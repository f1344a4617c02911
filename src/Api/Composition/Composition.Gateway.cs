using Matrix.EventSourced.Api.Configuration;
using Matrix.EventSourced.Api.Hosting;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.EventStore.Embedded;
using Matrix.EventSourced.EventStore.Gateway;

namespace Matrix.EventSourced.Api;

public static partial class Composition
{
    /// <summary>Serves the log on its own listeners. Requires: the gateway is on.</summary>
    internal static async Task<LogGateway> StartGatewayAsync(
        HomeserverConfig config,
        string tlsFolder,
        IEventStore log,
        TimeProvider time,
        ILoggerFactory logging,
        CancellationToken cancellationToken)
    {
        if (log is not EmbeddedEventStore)
            throw new StartException("gateway.listen: only a log that the embedded engine keeps is served.");
        var gateway = config.Gateway;
        var listeners = gateway.Listener.Listen.Select(address => new GatewayListener(
            address.Address,
            address.Port,
            address.IsTls
                ? TlsCertificates.Load(gateway.Listener, "gateway", tlsFolder, config.ServerName, time.GetUtcNow())
                : null));
        var credentials = gateway is { User: { } user, Password: { } password }
            ? new GatewayCredentials(user, password)
            : null;
        try
        {
            return await LogGateway.StartAsync(
                log, new GatewayOptions([.. listeners], credentials), time, logging, cancellationToken);
        }
        catch (IOException exception)
        {
            // What Kestrel says of an address that is in use, or not ours.
            throw new StartException(exception.Message);
        }
    }

    /// <summary>Opens the embedded log under a data folder, without a homeserver.</summary>
    internal static async Task<EmbeddedEventStore> OpenLogAsync(
        string folder, TimeProvider time, ILoggerFactory logging)
    {
        try
        {
            return await EmbeddedEventStore.OpenAsync(
                new EmbeddedOptions { Folder = folder }, time, logging.CreateLogger<EmbeddedEventStore>());
        }
        catch (EventStoreException exception)
        {
            throw new StartException(exception.Message);
        }
    }
}
