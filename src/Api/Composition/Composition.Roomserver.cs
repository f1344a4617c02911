using Matrix.EventSourced.Api.Adapters;
using Matrix.EventSourced.Api.ClientApi.Rooms;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.Roomserver;

namespace Matrix.EventSourced.Api;

public static partial class Composition
{
    internal static void AddRoomserver(IServiceCollection services)
    {
        services.AddSingleton<PduReads>();
        services.AddSingleton<RoomserverPorts>();
        services.AddSingleton<IPduStore>(provider => provider.GetRequiredService<RoomserverPorts>());
        services.AddSingleton<ITransactionLog>(provider => provider.GetRequiredService<RoomserverPorts>());
        services.AddSingleton<IRoomGraph>(provider => provider.GetRequiredService<RoomserverPorts>());
        services.AddSingleton<IRoomBans>(provider => provider.GetRequiredService<RoomserverPorts>());
        services.AddSingleton<IMembershipLookup>(provider => provider.GetRequiredService<RoomserverPorts>());
        services.AddSingleton<IStandingLookup>(provider => provider.GetRequiredService<RoomserverPorts>());
        services.AddSingleton<IStateNodeStore, StateNodeStore>();
        services.AddSingleton<IProfileLookup, ProfileLookup>();
        services.AddRoomserverCommands();
    }

    internal static void MapRoomserver(EndpointTable table) => RoomWritingModule.Map(table);
}
