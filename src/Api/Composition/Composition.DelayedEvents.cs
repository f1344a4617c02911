using Matrix.EventSourced.Api.Adapters;
using Matrix.EventSourced.Api.ClientApi.DelayedEvents;
using Matrix.EventSourced.Api.Configuration;
using Matrix.EventSourced.Api.Hosting;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.DelayedEvents;
using Matrix.EventSourced.Projections.DelayedEvents;
using Matrix.EventSourced.Projections.Hosting;

namespace Matrix.EventSourced.Api;

public static partial class Composition
{
    /// <summary>Events that are sent later.</summary>
    internal static void AddDelayedEvents(IServiceCollection services, HomeserverConfig config)
    {
        services.AddSingleton(config.DelayedEvents);
        services.AddSingleton<DelayedEventBell>();
        services.AddSingleton<IProjection, DelayedEventsProjection>();
        services.AddSingleton<DelayedEventQueries>();
        services.AddSingleton<IDelayedEventLookup, DelayedEventLookup>();
        services.AddSingleton<ISendingLimit, SendingLimit>();
        services.AddDelayedEventCommands();
        services.AddHostedService<DelayedEventsHost>();
    }

    internal static void MapDelayedEvents(EndpointTable table)
    {
        ScheduleEndpoint.Map(table);
        ActionEndpoint.Map(table);
        LookupEndpoint.Map(table);
        ListEndpoint.Map(table);
    }
}
