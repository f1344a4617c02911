using static Matrix.EventSourced.Api.Configuration.ConfigValues;

namespace Matrix.EventSourced.Api.Configuration;

/// <summary>The keys of the OAuth API and of identity providers.</summary>
internal static class OAuthConfigKeys
{
    public static readonly IReadOnlyList<ConfigKey> All =
    [
        new(
            "oauth.enabled", "auto, true or false", "auto",
            "The OAuth API: clients log in on pages of this server. Auto switches it on where public_base_url is https://, "
            + "since clients go by that address. Logging in by password in the client stays possible.",
            Mode),
        new(
            "sso.folder", "a folder", "identity-providers",
            "Each *.yaml and *.yml in it is an OpenID Connect provider through which users log in; relative to the data "
            + "folder. Read at start.",
            (c, t) => Optional(t, folder =>
                c with { OAuth = c.OAuth with { ProviderFolder = folder ?? string.Empty } })),
        new(
            "sso.known_clients", "https:// URLs", "",
            "Web clients to which a user comes back from single sign-on without being asked: what their addresses begin "
            + "with, up to a slash.",
            (c, t) => Each<string>(t, TryParseClient, list => c with { OAuth = c.OAuth with { KnownClients = list } }))
        { IsList = true },
    ];

    private static ConfigStep Mode(HomeserverConfig config, ConfigText text)
    {
        OAuthMode? mode = text.Single switch
        {
            "auto" => OAuthMode.Auto,
            "true" => OAuthMode.On,
            "false" => OAuthMode.Off,
            _ => null,
        };
        return mode is null ? Wrong(text.Single) : config with { OAuth = config.OAuth with { Mode = mode.Value } };
    }

    /// <summary>With a path, at least <c>/</c>: without one https://a.org would stand for https://a.org.evil.com.
    /// </summary>
    private static bool TryParseClient(string text, out string client)
    {
        client = text;
        return Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri.Scheme is "https" or "http"
            && text.EndsWith('/') && uri.UserInfo.Length == 0 && uri.Query.Length == 0 && uri.Fragment.Length == 0;
    }
}
