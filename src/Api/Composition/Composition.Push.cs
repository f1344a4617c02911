using Matrix.EventSourced.Api.ClientApi.Reading;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.Push;
using Matrix.EventSourced.Projections.Sync;
using Matrix.EventSourced.Protocol.Signing;

namespace Matrix.EventSourced.Api;

public static partial class Composition
{
    /// <summary>What notifies whom.</summary>
    /// <remarks>Requires: all other parts of a sync are registered before, since its counts stand in rooms that those
    /// bring into the answer.</remarks>
    internal static void AddPush(IServiceCollection services, ServerIdentity identity)
    {
        services.AddSingleton<LiveUnread>();
        services.AddSingleton<IProjection>(
            provider => new PushProjection(provider.GetRequiredService<LiveUnread>(), identity.Name));
        services.AddSingleton<PushQueries>();
        services.AddSingleton<ISyncPart, SyncUnread>();
    }

    internal static void MapPush(EndpointTable table) => NotificationsEndpoint.Map(table);
}
