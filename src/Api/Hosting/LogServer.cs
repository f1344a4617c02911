using Matrix.EventSourced.Api.Configuration;

namespace Matrix.EventSourced.Api.Hosting;

/// <summary>The log in a process of its own: the embedded engine and the gateway to it, without a
/// homeserver.</summary>
/// <remarks>Ensures: it serves when it is started; when it has stopped, everything acknowledged is in one file.
/// Errors: <see cref="StartException"/> for what the administrator can change.</remarks>
public sealed class LogServer : IAsyncDisposable
{
    private readonly IReadOnlyList<IAsyncDisposable> _owned;

    private LogServer(IReadOnlyList<string> addresses, IReadOnlyList<IAsyncDisposable> owned)
    {
        Addresses = addresses;
        _owned = owned;
    }

    /// <summary>Where clients reach it, with the ports really taken.</summary>
    public IReadOnlyList<string> Addresses { get; }

    public static async Task<LogServer> StartAsync(
        HomeserverConfig config, TimeProvider time, CancellationToken cancellationToken)
    {
        var owned = new List<IAsyncDisposable>();
        try
        {
            var logging = new OwnedLogging(Homeserver.MakeLogging(config.Log, time));
            owned.Add(logging);
            var folder = DataFolder.MakeLogFolder(config.DataFolder);
            var log = await Composition.OpenLogAsync(folder, time, logging.Factory);
            owned.Add(log);
            var tlsFolder = Path.Combine(config.DataFolder, DataFolder.TlsName);
            var gateway = await Composition.StartGatewayAsync(
                config, tlsFolder, log, time, logging.Factory, cancellationToken);
            owned.Add(gateway);
            return new LogServer(gateway.Addresses, owned);
        }
        catch
        {
            await Storage.DisposeAllAsync(owned);
            throw;
        }
    }

    public ValueTask DisposeAsync() => Storage.DisposeAllAsync(_owned);

    private sealed class OwnedLogging(ILoggerFactory factory) : IAsyncDisposable
    {
        public ILoggerFactory Factory => factory;

        public ValueTask DisposeAsync()
        {
            factory.Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
