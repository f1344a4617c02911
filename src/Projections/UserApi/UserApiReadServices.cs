using Matrix.EventSourced.Projections.Hosting;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.EventSourced.Projections.UserApi;

/// <summary>Registers the read side of the UserAPI.</summary>
public static class UserApiReadServices
{
    public static IServiceCollection AddUserApiReads(this IServiceCollection services)
    {
        services.AddSingleton<TokenCache>();
        services.AddSingleton<AccountDataRecency>();
        services.AddSingleton<DeviceSightings>();
        services.AddSingleton<DeviceSightingTable>();
        services.AddSingleton<IFixedSchema>(provider => provider.GetRequiredService<DeviceSightingTable>());
        services.AddSingleton<IProjection, UserApiProjection>();
        services.AddSingleton<ITokenQueries, TokenQueries>();
        services.AddSingleton<IDeviceQueries, DeviceQueries>();
        services.AddSingleton<IPusherQueries, PusherQueries>();
        services.AddSingleton<IFilterQueries, FilterQueries>();
        services.AddSingleton<IAccountDataQueries, AccountDataQueries>();
        services.AddSingleton<ProfileQueries>();
        services.AddSingleton<IProfileQueries>(provider => provider.GetRequiredService<ProfileQueries>());
        services.AddSingleton<IAccountQueries>(provider => provider.GetRequiredService<ProfileQueries>());
        return services;
    }
}
