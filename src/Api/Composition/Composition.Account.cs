using Matrix.EventSourced.Api.Adapters;
using Matrix.EventSourced.Api.Admin;
using Matrix.EventSourced.Api.AppService;
using Matrix.EventSourced.Api.ClientApi.Account;
using Matrix.EventSourced.Api.Configuration;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.UserApi;
using Matrix.EventSourced.Protocol.AppServices;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Matrix.EventSourced.Api;

public static partial class Composition
{
    internal static void AddAccount(IServiceCollection services)
    {
        services.AddSingleton<IPusherOwners, PusherOwners>();
        services.AddSingleton(static provider => SessionLifetimesOf(provider.GetRequiredService<HomeserverConfig>()));
        services.AddSingleton<OpenIdTokens>();
        // Where nobody has said which application services there are, there are none.
        services.TryAddSingleton(AppserviceSet.None);
        services.TryAddSingleton<AppserviceClient>();
        services.TryAddSingleton<ThirdPartyLookups>();
    }

    private static SessionLifetimes SessionLifetimesOf(HomeserverConfig config) => new(
        config.Sessions.RefreshableTokenLifetime, config.Sessions.TokenLifetime);

    /// <summary>The smaller modules around an account: tags, push rules and what else belongs to one user.</summary>
    internal static void MapAccount(EndpointTable table)
    {
        RoomTagEndpoints.Map(table);
        Pushers.Map(table);
        Refresh.Map(table);
        GetLoginToken.Map(table);
        OpenIdToken.Map(table);
        AccountModeration.Map(table);
        WhoIs.Map(table);
        LoginPage.Map(table);
        StagePage.Map(table);
        ThirdPartyIds.Map(table);
        ValidationTokens.Map(table);
        ThirdPartyNetworks.Map(table);
        TurnServer.Map(table);
        RtcTransports.Map(table);
        Reports.Map(table);
        ReportList.Map(table);
    }
}
