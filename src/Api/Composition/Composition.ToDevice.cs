using Matrix.EventSourced.Api.Adapters;
using Matrix.EventSourced.Api.ClientApi.Ephemeral;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.EduServer;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.Sync;
using Matrix.EventSourced.Projections.ToDevice;

namespace Matrix.EventSourced.Api;

public static partial class Composition
{
    /// <summary>Messages to devices. Their commands are registered with the EduServer's.</summary>
    internal static void AddToDevice(IServiceCollection services)
    {
        services.AddSingleton<IToDeviceLookup, ToDeviceLookup>();
        services.AddSingleton<LiveToDevice>();
        services.AddSingleton<IProjection, ToDeviceProjection>();
        services.AddSingleton<ToDeviceReader>();
        services.AddSingleton<ISyncPart, SyncToDevice>();
    }

    internal static void MapToDevice(EndpointTable table) => SendToDeviceEndpoint.Map(table);
}
