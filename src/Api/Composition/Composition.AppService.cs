using Matrix.EventSourced.Api.AppService;
using Matrix.EventSourced.Api.Configuration;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.AppService;
using Matrix.EventSourced.Projections.AppService;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Protocol.AppServices;

namespace Matrix.EventSourced.Api;

public static partial class Composition
{
    /// <summary>Who is registered, and what must be there before the projections start.</summary>
    internal static AppserviceSet AddAppservices(IServiceCollection services, HomeserverConfig config)
    {
        var registered = RegistrationFiles.Load(config.AppserviceFolder, config.AppserviceFiles, config.ServerName);
        services.AddSingleton(registered);
        services.AddSingleton<AppserviceClient>();
        services.AddSingleton<ThirdPartyLookups>();
        if (registered.IsEmpty)
            return registered;
        services.AddSingleton<AppserviceDeliveryLog>();
        services.AddHostedService<AppserviceStart>();
        return registered;
    }

    /// <summary>Application services; a server without any has none of this.</summary>
    /// <remarks>Requires: the projection host is registered before: hosted services start in that order, and stop in
    /// the other.</remarks>
    internal static void AddAppService(IServiceCollection services, AppserviceSet registered)
    {
        if (registered.IsEmpty)
            return;
        services.AddSingleton<IAppserviceDirectory, AppserviceDirectory>();
        services.AddAppServiceCommands();
        services.AddSingleton<AppserviceSignals>();
        services.AddSingleton<IProjection, AppserviceProjection>();
        services.AddSingleton<AppserviceQueries>();
        services.AddSingleton<AppserviceTransactionBuilder>();
        services.AddSingleton<AppserviceSender>();
        services.AddSingleton<IAppserviceWaker>(provider => provider.GetRequiredService<AppserviceSender>());
        services.AddSingleton<AppserviceAuthenticator>();
        services.AddHostedService(provider => provider.GetRequiredService<AppserviceSender>());
    }

    internal static void MapAppService(EndpointTable table)
    {
        PingEndpoint.Map(table);
        NetworkListingEndpoint.Map(table);
    }
}
