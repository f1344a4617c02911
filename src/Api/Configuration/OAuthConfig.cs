namespace Matrix.EventSourced.Api.Configuration;

/// <summary>When the OAuth API is there.</summary>
public enum OAuthMode
{
    /// <summary>Where public_base_url is https://.</summary>
    Auto,
    On,
    Off,
}

/// <summary>The OAuth API, and logging in through identity providers.</summary>
public sealed record OAuthConfig
{
    public OAuthMode Mode { get; init; } = OAuthMode.Off;

    /// <summary>Every <c>*.yaml</c> in it is an identity provider; absolute.</summary>
    public string ProviderFolder { get; init; } = string.Empty;

    /// <summary>Clients that get login tokens without the user being asked: what their URLs begin with.</summary>
    public IReadOnlyList<string> KnownClients { get; init; } = [];
}
