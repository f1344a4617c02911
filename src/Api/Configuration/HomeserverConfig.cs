using System.Net;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.DelayedEvents;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Api.Configuration;

/// <summary>
/// Everything that can be set, checked and with its defaults filled in; made once at start by <see
/// cref="ConfigLoader"/>.
/// </summary>
/// <remarks>
/// Shape: what each member means, its default and what is allowed stands in <see cref="ConfigKeys"/>, the one table.
/// </remarks>
public sealed record HomeserverConfig
{
    public ServerName ServerName { get; init; }

    /// <summary>Where clients reach this server, without a trailing slash.</summary>
    public string PublicBaseUrl { get; init; } = string.Empty;

    /// <summary>The data folder, absolute.</summary>
    public string DataFolder { get; init; } = string.Empty;

    /// <summary>A PostgreSQL connection string; null for the private cluster under the data folder.</summary>
    public string? Database { get; init; }

    public EventStoreConfig EventStore { get; init; } = new();

    public ListenerConfig Client { get; init; } = new();

    /// <summary>Reverse proxies whose X-Forwarded-For is believed.</summary>
    public IReadOnlyList<IPAddress> TrustedProxies { get; init; } = [];

    public FederationConfig Federation { get; init; } = new();

    public RegistrationConfig Registration { get; init; } = new();

    public bool GuestsAllowed { get; init; }

    public bool PresenceEnabled { get; init; }

    /// <summary>How long the log keeps the content of what is redacted; null: for ever.</summary>
    public TimeSpan? RedactionRetention { get; init; } = TimeSpan.FromDays(7);

    /// <summary>How many events of a user may wait to be sent later, and how long each.</summary>
    public DelayedEventOptions DelayedEvents { get; init; } = new(100, TimeSpan.FromDays(1));

    public SessionsConfig Sessions { get; init; } = new();

    public OAuthConfig OAuth { get; init; } = new();

    public VoipConfig Voip { get; init; } = new();

    public SupportConfig Support { get; init; } = new();

    /// <summary>The Ed25519 key, unpadded base64, of a policy server under this name; null for none.</summary>
    public string? PolicyServerKey { get; init; }

    public PasswordHashingConfig PasswordHashing { get; init; } = new();

    public RateLimits RateLimits { get; init; } = RateLimits.Off;

    /// <summary>Every <c>*.yaml</c> in it registers an application service.</summary>
    public string AppserviceFolder { get; init; } = string.Empty;

    public MediaConfig Media { get; init; } = new();

    public UrlPreviewsConfig UrlPreviews { get; init; } = new();

    /// <summary>Further registrations, absolute.</summary>
    public IReadOnlyList<string> AppserviceFiles { get; init; } = [];

    public GatewayConfig Gateway { get; init; } = new();

    public LogConfig Log { get; init; } = new();
}

/// <summary>Which engine keeps the log.</summary>
public sealed record EventStoreConfig
{
    /// <summary>Null for the embedded engine; else an <c>esdb://</c> address.</summary>
    public string? Address { get; init; }
}

/// <summary>Addresses that one API answers on, and its certificate.</summary>
public sealed record ListenerConfig
{
    public IReadOnlyList<ListenAddress> Listen { get; init; } = [];

    /// <summary>PEM files; null for a self-signed certificate made under the data folder.</summary>
    public string? TlsCertificateFile { get; init; }

    public string? TlsKeyFile { get; init; }
}

/// <summary>The log over EventStoreDB's gRPC protocol.</summary>
public sealed record GatewayConfig
{
    public ListenerConfig Listener { get; init; } = new();

    public bool IsOn => Listener.Listen.Count > 0;

    /// <summary>Null where everybody is let in.</summary>
    public string? User { get; init; }

    public string? Password { get; init; }

    /// <summary>Where the password was read from.</summary>
    public string? PasswordFile { get; init; }
}

/// <summary>One address to listen on. Shape: port 0 takes a free one.</summary>
public sealed record ListenAddress(bool IsTls, IPAddress Address, int Port)
{
    public override string ToString() => $"{(IsTls ? "https" : "http")}://{new IPEndPoint(Address, Port)}";
}

public sealed record FederationConfig
{
    public ListenerConfig Listener { get; init; } = new();

    /// <summary>A PEM file of further certificate authorities that other servers' certificates may come from.</summary>
    public string? CaFile { get; init; }

    /// <summary>Addresses never contacted.</summary>
    public IReadOnlyList<IPNetwork> DeniedIpRanges { get; init; } = [];

    /// <summary>Private and loopback addresses may be contacted after all.</summary>
    public bool AllowPrivateAddresses { get; init; }

    /// <summary>Off in tests only.</summary>
    public bool VerifyCertificates { get; init; } = true;

    /// <summary>Servers asked for others' keys, in their order.</summary>
    public IReadOnlyList<ServerName> Notaries { get; init; } = [];
}

public enum RegistrationMode
{
    /// <summary>Nobody registers but through an administrator.</summary>
    Closed,

    /// <summary>Whoever has one of the tokens.</summary>
    Token,

    /// <summary>Everybody.</summary>
    Open,
}

public sealed record RegistrationConfig
{
    public RegistrationMode Mode { get; init; }

    public IReadOnlyList<string> Tokens { get; init; } = [];

    /// <summary>The secret of registration by an administrator's script; null switches that off.</summary>
    public string? SharedSecret { get; init; }
}

/// <summary>The cost of one Argon2id hash.</summary>
public sealed record PasswordHashingConfig
{
    public int MemoryKib { get; init; }

    public int Passes { get; init; }
}

/// <summary>How long access tokens live.</summary>
public sealed record SessionsConfig
{
    /// <summary>Of clients that can refresh their tokens.</summary>
    public TimeSpan RefreshableTokenLifetime { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Of all others; null for ever.</summary>
    public TimeSpan? TokenLifetime { get; init; }
}

/// <summary>The TURN servers that calls may use, the secret that is shared with them, and the services for calls of
/// many.</summary>
public sealed record VoipConfig
{
    public IReadOnlyList<string> TurnUris { get; init; } = [];

    public string? TurnSecret { get; init; }

    public TimeSpan TurnLifetime { get; init; } = TimeSpan.FromDays(1);

    /// <summary>URLs of the services that let users into calls on a LiveKit server.</summary>
    public IReadOnlyList<string> LiveKitUrls { get; init; } = [];
}

/// <summary>Whom users and other administrators may turn to.</summary>
public sealed record SupportConfig
{
    public IReadOnlyList<SupportContact> Contacts { get; init; } = [];

    public string? Page { get; init; }
}

/// <summary>One contact. Shape: Address is a user id or an e-mail address.</summary>
public sealed record SupportContact(string Address, bool IsForSecurity);

public sealed record LogConfig
{
    public LogLevel Level { get; init; }

    public bool IsJson { get; init; }
}
