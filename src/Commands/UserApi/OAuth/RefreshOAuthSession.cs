using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.UserApi.Accounts;
using Matrix.EventSourced.Commands.UserApi.Credentials;
using Matrix.EventSourced.Protocol.Identifiers;
using MediatR;

namespace Matrix.EventSourced.Commands.UserApi.OAuth;

/// <summary>New tokens for a session of the OAuth API, in exchange for its refresh token.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #refresh-token-grant. A refresh token that was replaced and whose replacement was used
/// is somebody else's by now: the session ends.
/// Errors: invalid_grant, M_USER_LOCKED.
/// </remarks>
public sealed record RefreshOAuthSession(CommandContext Context, UserId UserId, OAuthGrant Grant, string RefreshSha256)
    : ICommand<NewSessionTokens>;

public sealed class RefreshOAuthSessionHandler(
    AggregateStore<AccountState> accounts,
    AggregateStore<CredentialsState> credentials,
    SessionTokens tokens,
    IMediator mediator) : IRequestHandler<RefreshOAuthSession, CommandResult<NewSessionTokens>>
{
    public async Task<CommandResult<NewSessionTokens>> Handle(
        RefreshOAuthSession command, CancellationToken cancellationToken)
    {
        var account = await accounts.LoadAsync(UserStreams.Account(command.UserId), cancellationToken);
        if (account.State.IsLocked)
            return AccountDecider.Locked;
        NewSessionTokens? made = null;
        string? stolenFrom = null;
        var refreshed = await credentials.ExecuteAsync(
            UserStreams.Credentials(command.UserId),
            state =>
            {
                (made, stolenFrom) = (null, null);
                return CredentialsDecider.RefreshOAuth(
                    state,
                    command,
                    deviceId =>
                    {
                        made = tokens.Create(
                            deviceId, command.Context.ReceivedAtMs, isRefreshable: true, command.Grant);
                        return made.Stored;
                    },
                    deviceId => stolenFrom = deviceId);
            },
            command.Context,
            cancellationToken);
        if (stolenFrom is not null)
        {
            await mediator.Send(
                new EndSessions(command.Context, command.UserId, [stolenFrom]), CancellationToken.None);
            return OAuthErrors.InvalidGrant;
        }
        return refreshed.ToResult(made!);
    }
}
