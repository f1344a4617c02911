using Matrix.EventSourced.Api.ClientApi.Reading;
using Matrix.EventSourced.Api.Hosting;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Api.PublicRooms;
using Matrix.EventSourced.Api.Sync;
using Matrix.EventSourced.Api.Sync.Sliding;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.PublicRooms;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Projections.Sync;
using Matrix.EventSourced.Projections.Sync.Sliding;
using Matrix.EventSourced.Protocol.State;

namespace Matrix.EventSourced.Api;

public static partial class Composition
{
    internal static void AddReadSide(IServiceCollection services)
    {
        services.AddSingleton<StateNodeTable>();
        services.AddSingleton<IFixedSchema>(provider => provider.GetRequiredService<StateNodeTable>());
        services.AddSingleton<IStateNodeReader>(provider => provider.GetRequiredService<StateNodeTable>());
        services.AddSingleton<LiveView>();
        services.AddSingleton<LazyMembers>();
        services.AddSingleton<IProjection, RoomserverProjection>();
        services.AddSingleton<IRoomserverQueries, RoomserverQueries>();
        services.AddSingleton<RoomGraphQueries>();
        services.AddSingleton<IRoomGraphQueries>(provider => provider.GetRequiredService<RoomGraphQueries>());
        services.AddSingleton<RoomReader>();
        services.AddSingleton<FeedLoader>();
        services.AddSingleton<SyncEngine>();
        services.AddSingleton(static provider => provider.GetRequiredService<LiveView>().Shapes);
        services.AddSingleton<RoomShapeReader>();
        services.AddSingleton<LeftRooms>();
        services.AddSingleton<SlidingConnections>();
        services.AddSingleton<SlidingEngine>();
        services.AddSingleton<PublicRoomQueries>();
        services.AddSingleton<StoredFilters>();
        services.AddSingleton<GuestQueries>();
        services.AddHostedService<GuestDepartureHost>();
    }

    internal static void MapReadSide(EndpointTable table)
    {
        SyncEndpoint.Map(table);
        SlidingSyncEndpoint.Map(table);
        MessagesEndpoint.Map(table);
        StateEndpoint.Map(table);
        StateEntryEndpoint.Map(table);
        MembersEndpoint.Map(table);
        JoinedMembersEndpoint.Map(table);
        JoinedRoomsEndpoint.Map(table);
        EventEndpoint.Map(table);
        ContextEndpoint.Map(table);
        PublicRoomsEndpoint.Map(table);
    }
}
