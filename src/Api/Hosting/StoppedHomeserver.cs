using Matrix.EventSourced.Api.Configuration;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Protocol.Signing;

namespace Matrix.EventSourced.Api.Hosting;

/// <summary>A homeserver's log, tables and components without listeners: for commands while it does not run.</summary>
/// <remarks>Ensures: the data folder's lock is held, so nobody starts the server meanwhile.</remarks>
public sealed class StoppedHomeserver : IAsyncDisposable
{
    private readonly DataFolder _data;
    private readonly Storage _storage;
    private readonly ServiceProvider _provider;
    private readonly ILoggerFactory? _ownLogging;

    private StoppedHomeserver(
        DataFolder data, Storage storage, ServiceProvider provider, ILoggerFactory? ownLogging)
    {
        (_data, _storage, _provider, _ownLogging) = (data, storage, provider, ownLogging);
    }

    public IServiceProvider Services => _provider;

    /// <summary>Opens what a server with this configuration would run on.</summary>
    public static async Task<StoppedHomeserver> OpenAsync(
        HomeserverConfig config, HomeserverParts parts, CancellationToken cancellationToken)
    {
        var time = parts.Time ?? TimeProvider.System;
        var random = parts.Random ?? new SystemRandom();
        var data = DataFolder.Open(config.DataFolder, config.ServerName);
        var ownLogging = parts.Logging is null ? Homeserver.MakeLogging(config.Log, time) : null;
        var logging = parts.Logging ?? ownLogging!;
        Storage? storage = null;
        try
        {
            var key = SigningKeyFile.LoadOrMake(data.SigningKeyFile, random);
            var identity = new ServerIdentity(config.ServerName, key);
            storage = await Composition.OpenStorageAsync(config, data, parts, time, logging, cancellationToken);
            var services = new ServiceCollection();
            Homeserver.AddCommon(services, logging, time, random);
            services.AddSingleton(typeof(ILogger<>), typeof(Logger<>));
            services.AddSingleton(data);
            services.AddSingleton(SigningKeyFile.LoadRetired(data.SigningKeyFile));
            Composition.AddHomeserver(services, config, identity, storage);
            parts.Services?.Invoke(services);
            return new StoppedHomeserver(data, storage, services.BuildServiceProvider(), ownLogging);
        }
        catch
        {
            if (storage is not null)
                await storage.DisposeAsync();
            ownLogging?.Dispose();
            data.Dispose();
            throw;
        }
    }

    /// <summary>Makes the projections' tables known, so that comparisons find them; changes none of them.</summary>
    public Task LookAsync(CancellationToken cancellationToken) =>
        _provider.GetRequiredService<ProjectionHost>().LookStoppedAsync(cancellationToken);

    public async ValueTask DisposeAsync()
    {
        await _provider.DisposeAsync();
        await _storage.DisposeAsync();
        _ownLogging?.Dispose();
        _data.Dispose();
    }
}
