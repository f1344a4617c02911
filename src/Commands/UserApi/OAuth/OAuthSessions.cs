using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.UserApi.Credentials;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;
using MediatR;

namespace Matrix.EventSourced.Commands.UserApi.OAuth;

/// <summary>What a client of the OAuth API got: tokens, and what they are good for.</summary>
public sealed record OAuthSession(UserId UserId, NewSessionTokens Tokens, string Scope);

/// <summary>A session of the OAuth API, from its beginning to its end.</summary>
/// <remarks>
/// Shape: every refresh token of the session begins with Secret and a dot. So a token that was good once is told from
/// one that never was, without a list of old ones.
/// </remarks>
public sealed record OAuthGrant(string Secret, string ClientId)
{
    public string Sha256 { get; } = AccessTokens.Hash(Secret);

    public static OAuthGrant Create(IRandom random, string clientId) =>
        new(AccessTokens.Create(random)[..22], clientId);

    /// <summary>The session that a refresh token is of; null for a token that is none of this API.</summary>
    public static OAuthGrant? Of(string refreshToken, string clientId) =>
        refreshToken.Length <= AccessTokens.LengthMax
        && refreshToken.IndexOf('.', StringComparison.Ordinal) is > 0 and var dot
            ? new OAuthGrant(refreshToken[..dot], clientId)
            : null;
}

/// <summary>Opens and ends sessions of the OAuth API.</summary>
public sealed class OAuthSessions(
    SessionOpening opening, OAuthClients clients, AggregateStore<CredentialsState> credentials, IMediator mediator)
{
    /// <remarks>Errors: M_USER_LOCKED, else invalid_grant: the user is not there any more.</remarks>
    public async ValueTask<CommandResult<OAuthSession>> OpenAsync(
        CommandContext context,
        UserId userId,
        string deviceId,
        string scope,
        OAuthGrant grant,
        CancellationToken cancellationToken)
    {
        var client = await clients.FindAsync(grant.ClientId, cancellationToken);
        var opened = await opening.OpenAsync(
            context,
            userId,
            deviceId,
            client?.DisplayName,
            isRefreshable: true,
            (state, token) => CredentialsDecider.IssueTokenWithoutPassword(state, userId, token),
            CancellationToken.None,
            grant);
        return opened switch
        {
            CommandResult<OpenedSession>.Done done => new CommandResult<OAuthSession>.Done(
                new OAuthSession(userId, done.Value.Tokens!, scope), done.Position),
            CommandResult<OpenedSession>.Refused { Error: { ErrCode: ErrCodes.UserLocked } locked } => locked,
            _ => OAuthErrors.InvalidGrant,
        };
    }

    /// <summary>Ends a session, if it is still there.</summary>
    public async ValueTask EndAsync(CommandContext context, UserId userId, string grantSha256)
    {
        var state = (await credentials.LoadAsync(UserStreams.Credentials(userId))).State;
        if (state.Tokens.FirstOrDefault(one => one.GrantSha256 == grantSha256) is { } token)
            await mediator.Send(new EndSessions(context, userId, [token.DeviceId]), CancellationToken.None);
    }
}
