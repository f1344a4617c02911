using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.UserApi.Accounts;
using Matrix.EventSourced.Commands.UserApi.Credentials;
using Matrix.EventSourced.Protocol.Identifiers;
using MediatR;

namespace Matrix.EventSourced.Commands.UserApi;

/// <summary>New tokens for a session, in exchange for its refresh token.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #post_matrixclientv3refresh.
/// Errors: M_UNKNOWN_TOKEN, M_USER_LOCKED.
/// </remarks>
public sealed record RefreshSession(CommandContext Context, UserId UserId, string RefreshSha256)
    : ICommand<NewSessionTokens>;

public sealed class RefreshSessionHandler(
    AggregateStore<AccountState> accounts, AggregateStore<CredentialsState> credentials, SessionTokens tokens)
    : IRequestHandler<RefreshSession, CommandResult<NewSessionTokens>>
{
    public async Task<CommandResult<NewSessionTokens>> Handle(
        RefreshSession command, CancellationToken cancellationToken)
    {
        var account = await accounts.LoadAsync(UserStreams.Account(command.UserId), cancellationToken);
        if (account.State.IsLocked)
            return AccountDecider.Locked;
        NewSessionTokens? made = null;
        var refreshed = await credentials.ExecuteAsync(
            UserStreams.Credentials(command.UserId),
            state => CredentialsDecider.Refresh(state, command.UserId, command.RefreshSha256, deviceId =>
            {
                made = tokens.Create(deviceId, command.Context.ReceivedAtMs, isRefreshable: true);
                return made.Stored;
            }),
            command.Context,
            cancellationToken);
        return refreshed.ToResult(made!);
    }
}

/// <summary>A refreshed token was used for the first time: the refresh token that it came from ends.</summary>
/// <remarks>Spec: v1.19 client-server-api #refreshing-access-tokens.</remarks>
public sealed record ConfirmRefresh(CommandContext Context, UserId UserId, string TokenSha256) : ICommand<Unit>;

public sealed class ConfirmRefreshHandler(AggregateStore<CredentialsState> credentials)
    : IRequestHandler<ConfirmRefresh, CommandResult<Unit>>
{
    public async Task<CommandResult<Unit>> Handle(ConfirmRefresh command, CancellationToken cancellationToken) =>
        (await credentials.ExecuteAsync(
            UserStreams.Credentials(command.UserId),
            state => CredentialsDecider.ConfirmRefresh(state, command.UserId, command.TokenSha256),
            command.Context,
            cancellationToken)).ToResult(Unit.Value);
}
