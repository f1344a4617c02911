using Matrix.EventSourced.Api.Adapters;
using Matrix.EventSourced.Api.ClientApi.Ephemeral;
using Matrix.EventSourced.Api.Configuration;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.EduServer;
using Matrix.EventSourced.Projections.EduServer;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.Sync;
using Matrix.EventSourced.Protocol.Signing;

namespace Matrix.EventSourced.Api;

public static partial class Composition
{
    /// <summary>Typing, receipts, presence.</summary>
    /// <remarks>Requires: the projection host is registered before, since what is started here reads the tables.
    /// </remarks>
    internal static void AddEduServer(IServiceCollection services, HomeserverConfig config, ServerIdentity identity)
    {
        services.AddSingleton(new PresenceOptions(config.PresenceEnabled, identity.Name));
        services.AddSingleton<IEduLookup, EduLookup>();
        services.AddEduServerCommands();
        services.AddSingleton<PresenceWaker>();
        services.AddSingleton<LiveEdus>();
        services.AddSingleton<IProjection, EduServerProjection>();
        services.AddSingleton<EduReader>();
        services.AddSingleton<ISyncPart, SyncEphemeral>();
        if (config.PresenceEnabled)
            services.AddSingleton<ISyncPart, SyncPresence>();
        services.AddHostedService<EduServerHost>();
    }

    internal static void MapEduServer(EndpointTable table)
    {
        TypingEndpoint.Map(table);
        ReceiptEndpoint.Map(table);
        ReadMarkersEndpoint.Map(table);
        PresenceEndpoints.Map(table);
    }
}
