using Matrix.EventSourced.Api.ClientApi.OAuth;
using Matrix.EventSourced.Api.Http;

namespace Matrix.EventSourced.Api;

public static partial class Composition
{
    /// <summary>The OAuth API, its pages, and identity providers.</summary>
    internal static void AddOAuth(IServiceCollection services)
    {
        services.AddSingleton<BrowserSessions>();
        services.AddSingleton<DevicePolls>();
        services.AddSingleton<CrossSigningResets>();
        AddSso(services);
    }

    internal static void MapOAuth(EndpointTable table)
    {
        OAuthMetadata.Map(table);
        ClientRegistration.Map(table);
        TokenEndpoint.Map(table);
        RevocationEndpoint.Map(table);
        DeviceAuthorizationEndpoint.Map(table);
        AuthorizePage.Map(table);
        DevicePage.Map(table);
        LoginForms.Map(table);
        AccountPage.Map(table);
        MapSso(table);
    }
}
