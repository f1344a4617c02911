using System.Collections.Immutable;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Facts.UserApi;

/// <summary>All that lets a user in, as it now is: <c>userapi.credentials_changed.v1</c>, stream <c>credentials-…</c>,
/// which keeps only its last record.</summary>
/// <remarks>Shape: a snapshot, never a delta. PasswordHash is an Argon2id string, null where the account has no
/// password.</remarks>
public sealed record CredentialsChanged(
    UserId UserId,
    string? PasswordHash,
    ImmutableArray<StoredAccessToken> AccessTokens,
    bool IsDeactivated = false,
    ImmutableArray<UpstreamLink> UpstreamLinks = default) : IFact;

/// <summary>Somebody at an identity provider who is this account's user. Shape: Subject is the provider's own id of
/// them.</summary>
public sealed record UpstreamLink(string ProviderId, string Subject);

/// <summary>A token of a device, hashed, and the refresh tokens that replace it.</summary>
/// <remarks>
/// Shape: hashes are unpadded URL-safe base64. RefreshSha256 is the refresh token that was given out with the token,
/// absent where the client asked for none; PreviousRefreshSha256 is the one that it came from, which is good until the
/// token or its own refresh token is used. ClientId and GrantSha256 are there for a session of the OAuth API: the
/// client, and what all refresh tokens of the session begin with. Units: IssuedAtMs, ExpiresAtMs Unix milliseconds.
/// </remarks>
public sealed record StoredAccessToken(
    string TokenSha256,
    string DeviceId,
    long IssuedAtMs,
    long? ExpiresAtMs = null,
    string? RefreshSha256 = null,
    string? PreviousRefreshSha256 = null,
    string? ClientId = null,
    string? GrantSha256 = null);
