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
    bool IsDeactivated = false) : IFact;

/// <summary>A token of a device, hashed. Shape: TokenSha256, unpadded URL-safe base64. Units: IssuedAtMs, ExpiresAtMs
/// Unix milliseconds.</summary>
public sealed record StoredAccessToken(string TokenSha256, string DeviceId, long IssuedAtMs, long? ExpiresAtMs = null);
