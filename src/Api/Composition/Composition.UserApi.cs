using Matrix.EventSourced.Api.Admin;
using Matrix.EventSourced.Api.ClientApi.Account;
using Matrix.EventSourced.Api.Configuration;
using Matrix.EventSourced.Api.Hosting;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.UserApi;
using Matrix.EventSourced.Commands.UserApi.Passwords;
using Matrix.EventSourced.Projections.UserApi;

namespace Matrix.EventSourced.Api;

public static partial class Composition
{
    internal static void AddUserApi(IServiceCollection services)
    {
        services.AddSingleton(static provider => RegistrationPolicyOf(provider.GetRequiredService<HomeserverConfig>()));
        services.AddSingleton(static provider => PasswordHashingOf(provider.GetRequiredService<HomeserverConfig>()));
        services.AddUserApiCommands();
        services.AddUserApiReads();
        AddAccount(services);
        AddOAuth(services);
        services.AddSingleton<IAuthenticator, Authenticator>();
        services.AddSingleton<DeviceActivity>();
        services.AddHostedService<DeviceSightingHost>();
    }

    internal static void MapUserApi(EndpointTable table)
    {
        Register.Map(table);
        RegisterAvailable.Map(table);
        RegistrationTokenValidity.Map(table);
        RegisterWithSharedSecret.Map(table);
        Login.Map(table);
        Logout.Map(table);
        WhoAmI.Map(table);
        AccountPassword.Map(table);
        AccountDeactivate.Map(table);
        Devices.Map(table);
        DeleteDevices.Map(table);
        ProfileEndpoints.Map(table);
        AccountDataEndpoints.Map(table);
        Filters.Map(table);
        PushRuleEndpoints.Map(table);
        MapAccount(table);
        MapOAuth(table);
    }

    private static RegistrationPolicy RegistrationPolicyOf(HomeserverConfig config) => new(
        config.Registration.Mode switch
        {
            RegistrationMode.Open => RegistrationOpenness.Open,
            RegistrationMode.Token => RegistrationOpenness.Token,
            _ => RegistrationOpenness.Closed,
        },
        config.Registration.Tokens,
        config.GuestsAllowed,
        config.Registration.SharedSecret);

    private static PasswordHashing PasswordHashingOf(HomeserverConfig config) =>
        new(config.PasswordHashing.MemoryKib, config.PasswordHashing.Passes, 1);
}
