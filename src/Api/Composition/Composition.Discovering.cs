using Matrix.EventSourced.Api.Adapters;
using Matrix.EventSourced.Api.ClientApi.Discovering;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.Roomserver;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Projections.UserDirectory;

namespace Matrix.EventSourced.Api;

public static partial class Composition
{
    /// <summary>Spaces, summaries, and who is where.</summary>
    /// <remarks>Further <see cref="IRoomCardSource"/> are asked in the order in which they are registered after this
    /// one.</remarks>
    internal static void AddDiscovering(IServiceCollection services)
    {
        services.AddSingleton<IProjection, UserDirectoryProjection>();
        services.AddSingleton<UserDirectoryQueries>();
        services.AddSingleton<RoomQuestions>();
        services.AddSingleton<IRoomGuests, RoomGuests>();
        services.AddSingleton<LocalRoomCards>();
        services.AddSingleton<IRoomCardSource>(provider => provider.GetRequiredService<LocalRoomCards>());
        services.AddSingleton<IRoomCardSource, RemoteRoomCards>();
        services.AddSingleton<RoomDiscovery>();
    }

    internal static void MapDiscovering(EndpointTable table)
    {
        HierarchyEndpoint.Map(table);
        RoomSummaryEndpoint.Map(table);
        MutualRoomsEndpoint.Map(table);
        UserDirectoryEndpoint.Map(table);
    }
}
