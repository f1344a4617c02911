using System.Net;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Protocol.Identifiers;
using static Matrix.EventSourced.Api.Configuration.ConfigValues;

namespace Matrix.EventSourced.Api.Configuration;

/// <summary>
/// The one table of keys: parsing, <c>--help</c>, the generated homeserver.yaml and docs/configuration.md are made from
/// it.
/// </summary>
internal static class ConfigKeys
{
    private const string Text = "text";
    private const string YesNo = "true or false";
    public const string FileName = "the path of a file that is there";
    public const string Urls =
        "http:// or https:// with an IP address, localhost or *, and a port: http://127.0.0.1:8008";

    // Private, loopback, link-local and other special ranges of the IANA registries (RFC 6890).
    private const string SpecialRanges =
        "127.0.0.0/8, 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 100.64.0.0/10, 169.254.0.0/16, 192.0.0.0/24, 192.0.2.0/24, "
        + "192.88.99.0/24, 198.18.0.0/15, 198.51.100.0/24, 203.0.113.0/24, 224.0.0.0/4, 240.0.0.0/4, 0.0.0.0/8, "
        + "::1/128, ::/128, fe80::/10, fc00::/7, 2001:db8::/32, ff00::/8, fec0::/10, 64:ff9b::/96";

    /// <summary>All keys, in the order of the generated file: those without a section first.</summary>
    public static readonly IReadOnlyList<ConfigKey> All =
    [
        new(
            "server_name", "a server name: example.org, example.org:8448, 127.0.0.1:8448", "localhost",
            "The name in every user id and room id of this server. It can never be changed once users exist.",
            (c, t) => ServerName.TryParse(t.Single, out var name) ? c with { ServerName = name } : Wrong(t.Single)),
        new(
            "public_base_url", "an http:// or https:// URL", "",
            "Where clients reach this server, as they are told by /.well-known/matrix/client. Not set: the first client listener.",
            (c, t) => BaseUrl(t, url => c with { PublicBaseUrl = url })),
        new(
            "data", "a folder", "data",
            "Everything that this server writes lies here: the log, the signing key, the private PostgreSQL cluster.",
            (c, t) => Folder(t, folder => c with { DataFolder = folder })),
        new(
            "database", "a PostgreSQL connection string: Host=/run/postgresql;Database=matrix;Username=matrix", "",
            "The database of the read side. Not set: a private PostgreSQL cluster under the data folder, on a unix socket. "
            + "Its content can be lost at any time: it is made again from the log.",
            (c, t) => Optional(t, value => c with { Database = value }))
        { IsSecret = true },
        new(
            "event_store", "embedded, esdb://USER:PASSWORD@HOST:2113?tls=true or esdb+discover://HOST,HOST", "embedded",
            "What keeps the log. The embedded engine needs nothing else; its files lie under the data folder. An esdb:// "
            + "address is that of EventStoreDB (or of log serve); the variable EVENTSTOREDB says the same.",
            EventStore)
        { OtherVariable = "EVENTSTOREDB" },
        new(
            "guests", YesNo, "false",
            "Guests may register, without a name or password of their own.",
            (c, t) => Flag(t, on => c with { GuestsAllowed = on })),
        new(
            "presence", YesNo, "true",
            "Users see who is online. Switched off, everybody counts as offline.",
            (c, t) => Flag(t, on => c with { PresenceEnabled = on })),
        new(
            "redaction_retention_days", "0 to 36500", "7",
            "How long the log keeps what redacted events said, for audits. Then it is erased for good. 0 is for ever.",
            (c, t) => Integer(t, 0, 36_500, n =>
                c with { RedactionRetention = n == 0 ? null : TimeSpan.FromDays(n) })),
        new(
            "delayed_events.max_scheduled", "0 to 10000", "100",
            "How many events of one user may wait to be sent later (MSC4140; calls use it to say who has left). 0 switches it "
            + "off.",
            (c, t) => Integer(t, 0, 10_000, n =>
                c with { DelayedEvents = c.DelayedEvents with { ScheduledMax = n } })),
        new(
            "delayed_events.max_delay_hours", "1 to 8760", "24",
            "How long an event may be delayed.",
            (c, t) => Integer(t, 1, 8_760, n =>
                c with { DelayedEvents = c.DelayedEvents with { DelayMax = TimeSpan.FromHours(n) } })),
        new(
            "client.listen", Urls, "http://127.0.0.1:8008",
            "Where the client API listens.",
            (c, t) => Each<ListenAddress>(t, TryParseListen, list =>
                c with { Client = c.Client with { Listen = list } }))
        { IsList = true },
        new(
            "client.tls_certificate", FileName, "",
            "The PEM certificate chain of https:// addresses. Not set: a self-signed one is made under the data folder.",
            (c, t) => File(t, file => c with { Client = c.Client with { TlsCertificateFile = file } })),
        new(
            "client.tls_key", FileName, "",
            "The PEM private key of the certificate.",
            (c, t) => File(t, file => c with { Client = c.Client with { TlsKeyFile = file } })),
        new(
            "client.trusted_proxies", "IP addresses", "127.0.0.1, ::1",
            "Reverse proxies whose X-Forwarded-For says who the client is (for rate limits, and for where a device was used).",
            (c, t) => Each<IPAddress>(t, TryParseAddress, list => c with { TrustedProxies = list }))
        { IsList = true },
        new(
            "federation.listen", Urls, "https://127.0.0.1:8448",
            "Where other servers reach this one. An empty list switches it off.",
            (c, t) => Each<ListenAddress>(t, TryParseListen, list =>
                WithListener(c, c.Federation.Listener with { Listen = list })))
        { IsList = true },
        new(
            "federation.tls_certificate", FileName, "",
            "The PEM certificate chain of https:// addresses. Not set: a self-signed one is made under the data folder.",
            (c, t) => File(t, file => WithListener(c, c.Federation.Listener with { TlsCertificateFile = file }))),
        new(
            "federation.tls_key", FileName, "",
            "The PEM private key of the certificate.",
            (c, t) => File(t, file => WithListener(c, c.Federation.Listener with { TlsKeyFile = file }))),
        new(
            "federation.ca_file", FileName, "",
            "PEM certificates of further authorities that other servers' certificates may come from.",
            (c, t) => File(t, file => c with { Federation = c.Federation with { CaFile = file } })),
        new(
            "federation.denied_ip_ranges", "IP ranges: 10.0.0.0/8, fc00::/7", SpecialRanges,
            "Addresses that this server never contacts on another server's word, whatever DNS, delegation or a redirect says.",
            (c, t) => Each<IPNetwork>(t, TryParseNetwork, list =>
                c with { Federation = c.Federation with { DeniedIpRanges = list } }))
        { IsList = true },
        new(
            "federation.allow_private_addresses", YesNo, "false",
            "Contact denied ranges after all; for tests on one machine.",
            (c, t) => Flag(t, on => c with { Federation = c.Federation with { AllowPrivateAddresses = on } })),
        new(
            "federation.verify_certificates", YesNo, "true",
            "Check other servers' certificates. Off is for tests only: anybody on the way could then read and change what is sent.",
            (c, t) => Flag(t, on => c with { Federation = c.Federation with { VerifyCertificates = on } })),
        new(
            "federation.notaries", "server names", "",
            "Servers that are asked for the keys of servers that do not answer themselves. They learn whom this server talks to.",
            (c, t) => Each<ServerName>(t, ServerName.TryParse, list =>
                c with { Federation = c.Federation with { Notaries = list } }))
        { IsList = true },
        new(
            "registration.mode", "open, token or closed", "closed",
            "Who may register: everybody (open), whoever has a token (token), nobody but through an administrator (closed).",
            Registration),
        new(
            "registration.tokens", "letters, digits and ._~- (at most 64)", "",
            "The tokens that let a user register in mode token.",
            (c, t) => Each<string>(t, TryParseToken, list =>
                c with { Registration = c.Registration with { Tokens = list } }))
        { IsList = true, IsSecret = true },
        new(
            "registration.shared_secret", Text, "",
            "The secret that administrators' scripts register users with, in every mode. Not set: they cannot.",
            (c, t) => Optional(t, value => c with { Registration = c.Registration with { SharedSecret = value } }))
        { IsSecret = true },
        .. AccountConfigKeys.All,
        .. OAuthConfigKeys.All,
        new(
            "passwords.memory_kib", "1024 to 4194304", "19456",
            "The memory of one Argon2id hash in KiB. Existing hashes keep their cost until the next login.",
            (c, t) => Integer(t, 1024, 4_194_304, n =>
                c with { PasswordHashing = c.PasswordHashing with { MemoryKib = n } })),
        new(
            "passwords.passes", "1 to 100", "2",
            "The passes of one Argon2id hash.",
            (c, t) => Integer(t, 1, 100, n => c with { PasswordHashing = c.PasswordHashing with { Passes = n } })),
        new(
            "rate_limits.enabled", YesNo, "true",
            "Count requests per user, or per address where nobody is logged in. For each class: requests a second in the long run, "
            + "and how many may come at once.",
            (c, t) => Flag(t, on => c with { RateLimits = c.RateLimits with { Enabled = on } })),
        .. Limit(RateClass.Read, "read", "50", "200", "Reads that cost: history, members, search."),
        .. Limit(RateClass.Message, "message", "10", "50", "Sending messages and state, and redacting."),
        .. Limit(RateClass.Login, "login", "0.5", "10", "Logging in, per address."),
        .. Limit(RateClass.Registration, "registration", "0.2", "10", "Registering, per address."),
        .. Limit(RateClass.RoomCreation, "room_creation", "0.5", "20", "Creating rooms."),
        .. Limit(RateClass.Join, "join", "1", "30", "Joining and knocking."),
        .. Limit(RateClass.Invite, "invite", "1", "50", "Inviting."),
        .. Limit(RateClass.Profile, "profile", "1", "20", "Changing one's profile."),
        .. Limit(RateClass.Upload, "upload", "2", "50", "Uploading media, and asking for the ids of media."),
        .. Limit(RateClass.UrlPreview, "url_preview", "1", "50", "Asking for previews of web pages."),
        .. MediaConfigKeys.All,
        new(
            "appservices.folder", "a folder", "appservices",
            "Each *.yaml and *.yml in it registers an application service; relative to the data folder. Read at start.",
            (c, t) => Optional(t, folder => c with { AppserviceFolder = folder ?? string.Empty })),
        new(
            "appservices.files", "paths of files", "",
            "Further registrations of application services, wherever they lie.",
            (c, t) => c with { AppserviceFiles = [.. t.Items.Select(file => Path.GetFullPath(file, t.BaseFolder))] })
        { IsList = true },
        .. GatewayConfigKeys.All,
        new(
            "log.level", "trace, debug, information, warning or error", "information",
            "What is logged: this and everything worse.",
            Level),
        new(
            "log.format", "text or json", "text",
            "One line of text per entry, or one JSON object.",
            (c, t) => t.Single is "text" or "json" ? c with { Log = c.Log with { IsJson = t.Single == "json" } }
                : Wrong(t.Single)),
    ];

    /// <summary>The key, or null.</summary>
    public static ConfigKey? Find(string name) => All.FirstOrDefault(key => key.Name == name);

    private static ConfigKey[] Limit(RateClass rateClass, string name, string perSecond, string burst, string help) =>
    [
        new(
            $"rate_limits.{name}_per_second", "a number from 0.001", perSecond, help,
            (c, t) => Rate(t, n => WithLimit(c, rateClass, limit => limit with { PerSecond = n }))),
        new(
            $"rate_limits.{name}_burst", "1 to 1000000", burst, help,
            (c, t) => Integer(t, 1, 1_000_000, n => WithLimit(c, rateClass, limit => limit with { Burst = n }))),
    ];

    private static HomeserverConfig WithLimit(
        HomeserverConfig config, RateClass rateClass, Func<RateLimit, RateLimit> change)
    {
        var limits = new Dictionary<RateClass, RateLimit>(config.RateLimits.PerClass);
        limits[rateClass] = change(limits.GetValueOrDefault(rateClass, new RateLimit(1, 1)));
        return config with { RateLimits = config.RateLimits with { PerClass = limits } };
    }

    private static HomeserverConfig WithListener(HomeserverConfig config, ListenerConfig listener) =>
        config with { Federation = config.Federation with { Listener = listener } };

    private static ConfigStep EventStore(HomeserverConfig config, ConfigText text)
    {
        if (text.Single == "embedded")
            return config with { EventStore = new EventStoreConfig() };
        if (!text.Single.StartsWith("esdb", StringComparison.OrdinalIgnoreCase))
            return Wrong(text.Single);
        return Composition.ProblemOfLogAddress(text.Single) is { } problem
            ? ConfigStep.Refuse(problem)
            : config with { EventStore = new EventStoreConfig { Address = text.Single } };
    }

    private static ConfigStep Registration(HomeserverConfig config, ConfigText text)
    {
        RegistrationMode? mode = text.Single switch
        {
            "open" => RegistrationMode.Open,
            "token" => RegistrationMode.Token,
            "closed" => RegistrationMode.Closed,
            _ => null,
        };
        return mode is null ? Wrong(text.Single)
            : config with { Registration = config.Registration with { Mode = mode.Value } };
    }

    private static ConfigStep Level(HomeserverConfig config, ConfigText text)
    {
        LogLevel? level = text.Single switch
        {
            "trace" => LogLevel.Trace,
            "debug" => LogLevel.Debug,
            "information" => LogLevel.Information,
            "warning" => LogLevel.Warning,
            "error" => LogLevel.Error,
            _ => null,
        };
        return level is null ? Wrong(text.Single) : config with { Log = config.Log with { Level = level.Value } };
    }

    private static bool TryParseAddress(string text, out IPAddress address)
    {
        var parsed = IPAddress.TryParse(text, out var value);
        address = value ?? IPAddress.None;
        return parsed;
    }

    private static bool TryParseNetwork(string text, out IPNetwork network) => IPNetwork.TryParse(text, out network);

    /// <summary>Spec: v1.19 client-server-api #token-authenticated-registration.</summary>
    private static bool TryParseToken(string text, out string token)
    {
        token = text;
        return text.Length is > 0 and <= 64
            && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '~' or '-');
    }
}
