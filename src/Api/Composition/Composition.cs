using Matrix.EventSourced.Api.Admin;
using Matrix.EventSourced.Api.ClientApi.Sso;
using Matrix.EventSourced.Api.Configuration;
using Matrix.EventSourced.Api.FederationApi;
using Matrix.EventSourced.Api.Hosting;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Api.WellKnown;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Protocol.Signing;

namespace Matrix.EventSourced.Api;

/// <summary>
/// The one place that knows every component and every engine: what is created, and what is given to whom.
/// </summary>
public static partial class Composition
{
    /// <summary>All endpoints of the client listener, module by module.</summary>
    public static EndpointTable ClientEndpoints()
    {
        var table = new EndpointTable();
        FrontPage.Map(table);
        Versions.Map(table);
        Capabilities.Map(table);
        Discovery.Map(table);
        Support.Map(table);
        Health.Map(table);
        MapUserApi(table);
        MapRoomserver(table);
        MapReadSide(table);
        MapEduServer(table);
        MapToDevice(table);
        MapKeyBackup(table);
        MapReading(table);
        MapDiscovering(table);
        MapPush(table);
        MapKeyServer(table);
        MapMediaApi(table);
        MapAppService(table);
        MapDelayedEvents(table);
        Destinations.Map(table);
        return table;
    }

    /// <summary>All endpoints of the federation listener.</summary>
    public static EndpointTable FederationEndpoints()
    {
        var table = new EndpointTable();
        Discovery.Map(table);
        Support.Map(table);
        ServerVersion.Map(table);
        MapServerKeys(table);
        MapFederationApi(table);
        MapKeyServerForServers(table);
        MapMediaForServers(table);
        OpenIdUserInfo.Map(table);
        return table;
    }

    /// <summary>Registers every component of one homeserver.</summary>
    internal static void AddHomeserver(
        IServiceCollection services, HomeserverConfig config, ServerIdentity identity, Storage storage)
    {
        services.AddSingleton(config);
        services.AddSingleton(identity);
        services.AddSingleton(storage.EventStore);
        services.AddSingleton<IEventAppender>(storage.EventStore);
        services.AddSingleton<IEventReader>(storage.EventStore);
        services.AddSingleton(new TrustedProxies(config.TrustedProxies));
        services.AddSingleton(provider =>
            new RateLimiter(config.RateLimits, provider.GetRequiredService<TimeProvider>()));
        services.AddMessaging();
        var appservices = AddAppservices(services, config);
        AddProjectionRuntime(services, storage);
        services.AddSingleton(ProviderFiles.Load(config.OAuth.ProviderFolder));
        AddUserApi(services);
        AddRoomserver(services);
        AddReadSide(services);
        AddEduServer(services, config, identity);
        AddToDevice(services);
        AddKeyBackup(services);
        AddReading(services);
        AddDiscovering(services);
        AddPush(services, identity);
        AddErasure(services, config, storage);
        AddDelayedEvents(services, config);
        AddControl(services);
        AddOutgoingFederation(services, config);
        AddFederationApi(services);
        AddKeyServer(services);
        AddMediaApi(services, config);
        AddAppService(services, appservices);
    }
}
