using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.UserApi.Accounts;
using Matrix.EventSourced.Facts.UserApi;
using Matrix.EventSourced.Protocol.Identifiers;
using MediatR;

namespace Matrix.EventSourced.Commands.UserApi;

/// <summary>Locks an account or suspends it, or ends that. Shape: exactly one of the two is given.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #account-locking, #account-suspension.
/// Requires: the caller is an administrator. Errors: M_NOT_FOUND.
/// </remarks>
public sealed record ModerateAccount(CommandContext Context, UserId UserId, bool? IsLocked, bool? IsSuspended)
    : ICommand<Unit>;

public sealed class ModerateAccountHandler(AggregateStore<AccountState> accounts)
    : IRequestHandler<ModerateAccount, CommandResult<Unit>>
{
    public async Task<CommandResult<Unit>> Handle(ModerateAccount command, CancellationToken cancellationToken)
    {
        var execution = await accounts.ExecuteAsync(
            UserStreams.Account(command.UserId),
            state => command switch
            {
                { IsLocked: { } isLocked } => AccountDecider.Lock(state, new AccountLocked(command.UserId, isLocked)),
                { IsSuspended: { } isSuspended } =>
                    AccountDecider.Suspend(state, new AccountSuspended(command.UserId, isSuspended)),
                _ => Decision.Nothing,
            },
            command.Context,
            cancellationToken);
        return execution.ToResult(Unit.Value);
    }
}
