using System.Collections.Immutable;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.UserApi.OAuth;
using Matrix.EventSourced.Commands.UserApi.Accounts;
using Matrix.EventSourced.Facts.UserApi;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Commands.UserApi.Credentials;

/// <summary>
/// Decides what may be written to <c>credentials-…</c>. Pure; every fact is the whole of the credentials.
/// </summary>
public static class CredentialsDecider
{
    /// <summary>The first credentials of an account. Who writes them has the name.</summary>
    public static Decision Create(
        CredentialsState state,
        UserId userId,
        string? passwordHash,
        StoredAccessToken? token,
        UpstreamLink? upstream = null) =>
        state.Exists
            ? AccountDecider.UserInUse
            : Decision.Accept(new CredentialsChanged(userId, passwordHash, token is null ? [] : [token])
            {
                UpstreamLinks = upstream is null ? default : [upstream],
            });

    /// <summary>Somebody of an identity provider gets in from now on.</summary>
    public static Decision Link(CredentialsState state, UserId userId, UpstreamLink link) =>
        state.IsDeactivated || !state.Exists ? Deactivated
        : state.UpstreamLinks.Contains(link) ? Decision.Nothing
        : Decision.Accept(new CredentialsChanged(userId, state.PasswordHash, state.Tokens)
        {
            UpstreamLinks = state.UpstreamLinks.Add(link),
        });

    /// <summary>A new token for a device, in place of the device's old one.</summary>
    /// <remarks>
    /// Requires: the password was checked against verifiedHash. When the password has changed since, the answer is the
    /// refusal of a wrong one.
    /// LIMIT: above <see cref="Limits.AccessTokensMax"/> the oldest tokens end.
    /// </remarks>
    public static Decision IssueToken(
        CredentialsState state, UserId userId, string? verifiedHash, StoredAccessToken token)
    {
        if (state.IsDeactivated)
            return Deactivated;
        if (!state.Exists || state.PasswordHash is null || state.PasswordHash != verifiedHash)
            return WrongPassword;
        return Issue(state, userId, token);
    }

    /// <summary>A new token for a device of a user for whom an application service vouches.</summary>
    /// <remarks>Spec: v1.19 application-service-api #server-admin-style-permissions.</remarks>
    public static Decision IssueTokenWithoutPassword(
        CredentialsState state, UserId userId, StoredAccessToken token) =>
        state.IsDeactivated ? Deactivated
        : !state.Exists ? WrongPassword
        : Issue(state, userId, token);

    private static Decision Issue(CredentialsState state, UserId userId, StoredAccessToken token)
    {
        var tokens = state.Tokens.RemoveAll(one => one.DeviceId == token.DeviceId).Add(token);
        if (tokens.Length > Limits.AccessTokensMax)
            tokens = tokens.RemoveRange(0, tokens.Length - Limits.AccessTokensMax);
        return Change(state, userId, tokens, state.PasswordHash);
    }

    /// <summary>New tokens for a session, in exchange for its refresh token.</summary>
    /// <remarks>
    /// Spec: v1.19 client-server-api #refreshing-access-tokens. The old access token ends at once. The refresh token
    /// stays good until the new access token or the new refresh token is used, so that an answer that got lost can be
    /// asked for again: the tokens of the lost answer then end.
    /// Errors: M_UNKNOWN_TOKEN.
    /// </remarks>
    /// <param name="state">The credentials.</param>
    /// <param name="userId">Whose they are.</param>
    /// <param name="refreshSha256">The hash of the refresh token.</param>
    /// <param name="create">Makes the new token for a device.</param>
    public static Decision Refresh(
        CredentialsState state, UserId userId, string refreshSha256, Func<string, StoredAccessToken> create)
    {
        // A session of the OAuth API is refreshed by that alone, which knows the client.
        var old = state.Tokens.FirstOrDefault(one => one.ClientId is null
            && (one.RefreshSha256 == refreshSha256 || one.PreviousRefreshSha256 == refreshSha256));
        if (state.IsDeactivated || old is null)
            return UnknownRefreshToken;
        var token = create(old.DeviceId) with { PreviousRefreshSha256 = refreshSha256 };
        return Change(state, userId, state.Tokens.Remove(old).Add(token), state.PasswordHash);
    }

    /// <summary>New tokens for a session of the OAuth API.</summary>
    /// <remarks>
    /// Spec: v1.19 client-server-api #refresh-token-grant. As <see cref="Refresh"/>; but a token of the session that is
    /// good no more ends the session, and <paramref name="steal"/> is told the device.
    /// Errors: invalid_grant.
    /// </remarks>
    public static Decision RefreshOAuth(
        CredentialsState state,
        RefreshOAuthSession command,
        Func<string, StoredAccessToken> create,
        Action<string> steal)
    {
        var old = state.Tokens.FirstOrDefault(one => one.GrantSha256 == command.Grant.Sha256);
        if (state.IsDeactivated || old is null || old.ClientId != command.Grant.ClientId)
            return OAuthErrors.InvalidGrant;
        if (old.RefreshSha256 != command.RefreshSha256 && old.PreviousRefreshSha256 != command.RefreshSha256)
        {
            steal(old.DeviceId);
            return Change(state, command.UserId, state.Tokens.Remove(old), state.PasswordHash);
        }
        var token = create(old.DeviceId) with { PreviousRefreshSha256 = command.RefreshSha256 };
        return Change(state, command.UserId, state.Tokens.Remove(old).Add(token), state.PasswordHash);
    }

    /// <summary>A token was used: the refresh token that it came from ends.</summary>
    public static Decision ConfirmRefresh(CredentialsState state, UserId userId, string tokenSha256)
    {
        var token = state.Tokens.FirstOrDefault(one => one.TokenSha256 == tokenSha256);
        return token?.PreviousRefreshSha256 is null
            ? Decision.Nothing
            : Change(
                state,
                userId,
                state.Tokens.Replace(token, token with { PreviousRefreshSha256 = null }),
                state.PasswordHash);
    }

    public static MatrixError UnknownRefreshToken { get; } =
        new(401, ErrCodes.UnknownToken, "The refresh token is not known, or has been used.");

    /// <summary>The tokens of these devices end.</summary>
    public static Decision RevokeDevices(CredentialsState state, UserId userId, IReadOnlyCollection<string> deviceIds)
    {
        var tokens = state.Tokens.RemoveAll(one => deviceIds.Contains(one.DeviceId));
        return tokens.Length == state.Tokens.Length
            ? Decision.Nothing
            : Change(state, userId, tokens, state.PasswordHash);
    }

    /// <summary>All tokens end.</summary>
    public static Decision RevokeAll(CredentialsState state, UserId userId) =>
        state.Tokens.IsEmpty ? Decision.Nothing : Change(state, userId, [], state.PasswordHash);

    /// <summary>A new password. Unless the others shall stay, only the token of the device that asked stays.</summary>
    public static Decision ChangePassword(
        CredentialsState state, UserId userId, string passwordHash, bool endsOtherSessions, string? ownDeviceId)
    {
        if (state.IsDeactivated || !state.Exists)
            return Deactivated;
        var tokens = endsOtherSessions ? state.Tokens.RemoveAll(one => one.DeviceId != ownDeviceId) : state.Tokens;
        return Change(state, userId, tokens, passwordHash);
    }

    /// <summary>Nobody gets in again.</summary>
    public static Decision Deactivate(CredentialsState state, UserId userId) =>
        state.IsDeactivated
            ? Decision.Nothing
            : Decision.Accept(new CredentialsChanged(userId, null, [], IsDeactivated: true));

    /// <summary>The devices whose tokens were ended between two states.</summary>
    public static IReadOnlyList<string> EndedDevices(CredentialsState before, CredentialsState after)
    {
        var left = after.Tokens.Select(one => one.DeviceId).ToHashSet(StringComparer.Ordinal);
        return [.. before.Tokens.Select(one => one.DeviceId).Where(id => !left.Contains(id))];
    }

    public static MatrixError Deactivated { get; } = new(
        403, ErrCodes.UserDeactivated, "This account has been deactivated.");

    public static MatrixError WrongPassword { get; } = MatrixError.Forbidden("Invalid user name or password.");

    private static Decision Change(
        CredentialsState state, UserId userId, ImmutableArray<StoredAccessToken> tokens, string? passwordHash) =>
        Decision.Accept(new CredentialsChanged(userId, passwordHash, tokens, state.IsDeactivated)
        {
            UpstreamLinks = state.UpstreamLinks.IsEmpty ? default : state.UpstreamLinks,
        });
}
