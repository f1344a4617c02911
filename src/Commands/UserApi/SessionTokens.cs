using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.UserApi.OAuth;
using Matrix.EventSourced.Facts.UserApi;

namespace Matrix.EventSourced.Commands.UserApi;

/// <summary>How long access tokens live, as configured.</summary>
/// <remarks>Shape: Plain is for clients that cannot refresh their tokens; null is for ever.</remarks>
public sealed record SessionLifetimes(TimeSpan Refreshable, TimeSpan? Plain);

/// <summary>New tokens of a session: what the client gets, and what is kept of it.</summary>
/// <remarks>Shape: RefreshToken is null where the client asked for none; ExpiresInMs null is never.</remarks>
public sealed record NewSessionTokens(
    string AccessToken, string? RefreshToken, long? ExpiresInMs, StoredAccessToken Stored);

/// <summary>Makes the tokens of sessions.</summary>
/// <remarks>Spec: v1.19 client-server-api #refreshing-access-tokens.</remarks>
public sealed class SessionTokens(IRandom random, SessionLifetimes lifetimes)
{
    public NewSessionTokens Create(string deviceId, long nowMs, bool isRefreshable, OAuthGrant? grant = null)
    {
        var access = AccessTokens.Create(random);
        var refresh = isRefreshable ? AccessTokens.Create(random) : null;
        if (grant is not null)
            refresh = $"{grant.Secret}.{refresh}";
        var lifetimeMs = (long?)(isRefreshable ? lifetimes.Refreshable : lifetimes.Plain)?.TotalMilliseconds;
        var stored = new StoredAccessToken(
            AccessTokens.Hash(access),
            deviceId,
            nowMs,
            nowMs + lifetimeMs,
            refresh is null ? null : AccessTokens.Hash(refresh),
            ClientId: grant?.ClientId,
            GrantSha256: grant?.Sha256);
        return new NewSessionTokens(access, refresh, lifetimeMs, stored);
    }
}
