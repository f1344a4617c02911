using Matrix.EventSourced.Api.ClientApi.Sso;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Federation.IdentityProviders;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Matrix.EventSourced.Api;

public static partial class Composition
{
    private static void AddSso(IServiceCollection services)
    {
        services.TryAddSingleton(IdentityProviders.None);
        services.AddSingleton<UpstreamLogins>();
        services.AddSingleton<OidcClient>();
    }

    private static void MapSso(EndpointTable table)
    {
        SsoRedirect.Map(table);
        UpstreamPages.Map(table);
    }
}
