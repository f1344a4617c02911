using Matrix.EventSourced.Api.Adapters;
using Matrix.EventSourced.Api.ClientApi.Keys;
using Matrix.EventSourced.Api.FederationApi;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.KeyServer;
using Matrix.EventSourced.Federation.FederationApi;
using Matrix.EventSourced.Federation.KeyServer;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.KeyServer;
using Matrix.EventSourced.Projections.Sync;

namespace Matrix.EventSourced.Api;

public static partial class Composition
{
    /// <summary>End-to-end encryption keys.</summary>
    /// <remarks>Requires: the projection host is registered before, since what is started here reads the tables.
    /// </remarks>
    internal static void AddKeyServer(IServiceCollection services)
    {
        services.AddKeyServerCommands();
        services.AddSingleton<IMasterKeyLookup, MasterKeyLookup>();
        services.AddSingleton<LiveKeySupplies>();
        services.AddSingleton<DeviceListWaker>();
        services.AddSingleton<RemoteListSignals>();
        services.AddSingleton<IProjection, KeyServerProjection>();
        services.AddSingleton<KeyServerReader>();
        services.AddSingleton<ISyncPart, SyncKeys>();
        services.AddSingleton<RemoteDeviceLists>();
        services.AddSingleton<RemoteKeys>();
        services.AddSingleton<KeyQuery>();
        services.AddSingleton<IInboundEdu, DeviceListEdu>();
        services.AddSingleton<IInboundEdu, SigningKeyEdu>();
        services.AddHostedService<KeyServerHost>();
    }

    internal static void MapKeyServer(EndpointTable table)
    {
        UploadKeysEndpoint.Map(table);
        QueryKeysEndpoint.Map(table);
        ClaimKeysEndpoint.Map(table);
        KeyChangesEndpoint.Map(table);
        UploadSigningKeysEndpoint.Map(table);
        UploadSignaturesEndpoint.Map(table);
    }

    internal static void MapKeyServerForServers(EndpointTable table)
    {
        UserDevices.Map(table);
        UserKeys.Map(table);
    }
}
