using Matrix.EventSourced.Api.Configuration;
using Matrix.EventSourced.Api.Hosting;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.EventStore.Embedded;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.Postgres;
using Npgsql;

namespace Matrix.EventSourced.Api;

public static partial class Composition
{
    /// <summary>Opens the log and the database, or takes the given ones.</summary>
    internal static async Task<Storage> OpenStorageAsync(
        HomeserverConfig config,
        DataFolder data,
        HomeserverParts parts,
        TimeProvider time,
        ILoggerFactory logging,
        CancellationToken cancellationToken)
    {
        var owned = new List<IAsyncDisposable>();
        try
        {
            var log = parts.EventStore;
            if (log is null && config.EventStore.Address is { } address)
                log = await ConnectLogAsync(address, parts, time, logging, owned, cancellationToken);
            log ??= await OpenEmbeddedLogAsync(data, parts, time, logging, owned);
            var database = parts.Database;
            if (database is null)
            {
                var connectionString = config.Database
                    ?? await StartClusterAsync(data, parts, time, logging, owned, cancellationToken);
                database = DatabaseSource.Create(connectionString);
                owned.Add(database);
            }
            return new Storage(log, database, owned);
        }
        catch
        {
            await Storage.DisposeAllAsync(owned);
            throw;
        }
    }

    private static async Task<IEventStore> OpenEmbeddedLogAsync(
        DataFolder data,
        HomeserverParts parts,
        TimeProvider time,
        ILoggerFactory logging,
        List<IAsyncDisposable> owned)
    {
        parts.Progress?.Invoke("opening the log");
        var options = new EmbeddedOptions { Folder = data.LogFolder };
        var log = await EmbeddedEventStore.OpenAsync(options, time, logging.CreateLogger<EmbeddedEventStore>());
        owned.Add(log);
        return log;
    }

    /// <summary>The cluster is closed after whatever uses it, and before the log.</summary>
    private static async Task<string> StartClusterAsync(
        DataFolder data,
        HomeserverParts parts,
        TimeProvider time,
        ILoggerFactory logging,
        List<IAsyncDisposable> owned,
        CancellationToken cancellationToken)
    {
        parts.Progress?.Invoke("starting the private PostgreSQL cluster");
        try
        {
            var options = new PrivateClusterOptions { Folder = data.PostgresFolder };
            var cluster = await PrivateCluster.StartAsync(
                options, time, logging.CreateLogger<PrivateCluster>(), cancellationToken);
            owned.Add(cluster);
            return cluster.ConnectionString;
        }
        catch (PrivateClusterException exception)
        {
            throw new StartException(exception.Message);
        }
    }

    private static void AddProjectionRuntime(IServiceCollection services, Storage storage)
    {
        services.AddSingleton(storage.Database);
        services.AddProjectionHost();
        services.AddHostedService(provider => provider.GetRequiredService<ProjectionHost>());
    }
}
