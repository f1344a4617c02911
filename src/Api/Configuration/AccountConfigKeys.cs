using Matrix.EventSourced.Protocol.Identifiers;
using static Matrix.EventSourced.Api.Configuration.ConfigValues;

namespace Matrix.EventSourced.Api.Configuration;

/// <summary>The keys of the modules around an account: sessions, calls, contacts.</summary>
internal static class AccountConfigKeys
{
    public static readonly IReadOnlyList<ConfigKey> All =
    [
        new(
            "sessions.refreshable_token_minutes", "1 to 525600", "60",
            "How long an access token lives whose client can refresh it.",
            (c, t) => Integer(t, 1, 525_600, n =>
                c with { Sessions = c.Sessions with { RefreshableTokenLifetime = TimeSpan.FromMinutes(n) } })),
        new(
            "sessions.token_days", "0 to 36500", "0",
            "How long an access token lives whose client cannot refresh it: its user then logs in again. 0 is for ever.",
            (c, t) => Integer(t, 0, 36_500, n =>
                c with { Sessions = c.Sessions with { TokenLifetime = n == 0 ? null : TimeSpan.FromDays(n) } })),
        new(
            "voip.turn_uris", "turn: and turns: URIs", "",
            "TURN servers for calls. Not set: clients are told that there are none.",
            (c, t) => Each<string>(t, TryParseTurn, list => c with { Voip = c.Voip with { TurnUris = list } }))
        { IsList = true },
        new(
            "voip.turn_secret", "text", "",
            "The secret that is shared with the TURN servers; credentials are made with it.",
            (c, t) => Optional(t, value => c with { Voip = c.Voip with { TurnSecret = value } }))
        { IsSecret = true },
        new(
            "voip.turn_minutes", "1 to 525600", "1440",
            "How long TURN credentials can be used.",
            (c, t) => Integer(t, 1, 525_600, n =>
                c with { Voip = c.Voip with { TurnLifetime = TimeSpan.FromMinutes(n) } })),
        new(
            "voip.livekit_urls", "http:// or https:// URLs", "",
            "Services that let users into calls of many on a LiveKit server (Element Call: lk-jwt-service). Clients are told of "
            + "them.",
            (c, t) => Each<string>(t, TryParseWebUrl, list => c with { Voip = c.Voip with { LiveKitUrls = list } }))
        { IsList = true },
        new(
            "support.admins", Contacts, "",
            "Who administrates this server, for its users and for other administrators.",
            (c, t) => Each<string>(t, TryParseContact, list => WithContacts(c, list, isForSecurity: false)))
        { IsList = true },
        new(
            "support.security", Contacts, "",
            "Whom to tell in confidence what is wrong with this server's security.",
            (c, t) => Each<string>(t, TryParseContact, list => WithContacts(c, list, isForSecurity: true)))
        { IsList = true },
        new(
            "support.page", "an http:// or https:// URL", "",
            "A page that helps the users of this server.",
            (c, t) => BaseUrl(t, url =>
                c with { Support = c.Support with { Page = url.Length == 0 ? null : url } })),
        new(
            "support.policy_server_key", "an Ed25519 public key, unpadded base64", "",
            "The key of a policy server that runs under this server's name.",
            (c, t) => t.Single.Length == 0 ? c with { PolicyServerKey = null }
                : IsKey(t.Single)
                    ? c with { PolicyServerKey = t.Single }
                    : Wrong(t.Single)),
    ];

    private const string Contacts = "user ids and e-mail addresses";

    private static bool TryParseTurn(string text, out string uri)
    {
        uri = text;
        return text.StartsWith("turn:", StringComparison.Ordinal) || text.StartsWith("turns:", StringComparison.Ordinal);
    }

    private static bool TryParseWebUrl(string text, out string url)
    {
        url = text;
        return Uri.TryCreate(text, UriKind.Absolute, out var parsed) && parsed.Scheme is ("http" or "https");
    }

    private static bool IsKey(string text)
    {
        Span<byte> key = stackalloc byte[32];
        return text.Length == 43
            && Convert.TryFromBase64String(text + "=", key, out var length) && length == key.Length;
    }

    private static bool TryParseContact(string text, out string contact)
    {
        contact = text;
        var at = text.LastIndexOf('@');
        return at == 0 ? UserId.TryParse(text, out _) : at > 0 && at < text.Length - 1;
    }

    private static HomeserverConfig WithContacts(
        HomeserverConfig config, IReadOnlyList<string> addresses, bool isForSecurity)
    {
        var others = config.Support.Contacts.Where(one => one.IsForSecurity != isForSecurity);
        var these = addresses.Select(address => new SupportContact(address, isForSecurity));
        return config with { Support = config.Support with { Contacts = [.. others, .. these] } };
    }
}
