using System.Collections.Immutable;

namespace Matrix.EventSourced.Federation.IdentityProviders;

/// <summary>How a client shows who it is at a token endpoint.</summary>
public enum ClientAuthentication
{
    Basic,
    Post,
    None,
}

/// <summary>An OpenID Connect provider through which users log in, as its file says.</summary>
/// <remarks>
/// Shape: with an Issuer its endpoints are read from its discovery document, where they are not given, and it must send
/// ID tokens; without one (plain OAuth 2.0) AuthorizationEndpoint, TokenEndpoint and UserinfoEndpoint are there, and
/// who
/// somebody is comes from the last.
/// </remarks>
public sealed record IdentityProvider
{
    public required string Id { get; init; }

    public required string Name { get; init; }

    /// <summary>An <c>mxc://</c> URI.</summary>
    public string? Icon { get; init; }

    public string? Brand { get; init; }

    public string? Issuer { get; init; }

    public Uri? AuthorizationEndpoint { get; init; }

    public Uri? TokenEndpoint { get; init; }

    public Uri? UserinfoEndpoint { get; init; }

    public Uri? JwksUri { get; init; }

    public required string ClientId { get; init; }

    public string? ClientSecret { get; init; }

    public ClientAuthentication Authentication { get; init; }

    public ImmutableArray<string> Scopes { get; init; } = ["openid", "profile"];

    public string SubjectClaim { get; init; } = "sub";

    public string LocalpartClaim { get; init; } = "preferred_username";

    public string DisplayNameClaim { get; init; } = "name";

    /// <summary>Somebody new gets the account that has their local part already.</summary>
    public bool TakesExistingUsers { get; init; }

    /// <summary>Somebody new gets a new account.</summary>
    public bool RegistersUsers { get; init; } = true;
}

/// <summary>Who somebody is at a provider.</summary>
public sealed record UpstreamIdentity(string Subject, string? Localpart, string? DisplayName);
