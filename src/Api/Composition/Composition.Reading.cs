using Matrix.EventSourced.Api.ClientApi.Reading;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.Relations;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Projections.Search;

namespace Matrix.EventSourced.Api;

public static partial class Composition
{
    /// <summary>Relations, search and discovery: what is read of rooms beside their timelines.</summary>
    internal static void AddReading(IServiceCollection services)
    {
        services.AddSingleton<RoomActivity>();
        services.AddSingleton<IProjection, RelationsProjection>();
        services.AddSingleton<IProjection, SearchProjection>();
        services.AddSingleton<VisibleStretchReader>();
        services.AddSingleton<SearchQueries>();
        services.AddSingleton<RelationBundles>();
        services.AddSingleton<RelationQueries>();
        services.AddSingleton<IRelationQueries>(provider => provider.GetRequiredService<RelationQueries>());
        services.AddSingleton<ISentRelations>(provider => provider.GetRequiredService<RelationQueries>());
        services.AddSingleton<IgnoredUsers>();
        services.AddSingleton<EventBundler>();
    }

    internal static void MapReading(EndpointTable table)
    {
        RelationsEndpoint.Map(table);
        ThreadsEndpoint.Map(table);
        SearchEndpoint.Map(table);
        TimestampEndpoint.Map(table);
        RoomInitialSyncEndpoint.Map(table);
        InitialSyncEndpoint.Map(table);
        EventStreamEndpoint.Map(table);
        OneEventEndpoint.Map(table);
    }
}
