using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.UserApi.Accounts;
using Matrix.EventSourced.Commands.UserApi.Credentials;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Protocol.Identifiers;
using MediatR;

namespace Matrix.EventSourced.Commands.UserApi;

/// <summary>Closes an account for good: nobody gets in, all devices are gone, the name stays taken, every room is
/// left.</summary>
/// <remarks>Spec: v1.19 client-server-api #post_matrixclientv3accountdeactivate.</remarks>
public sealed record DeactivateAccount(CommandContext Context, UserId UserId) : ICommand<Unit>;

public sealed class DeactivateAccountHandler(
    AggregateStore<AccountState> accounts,
    AggregateStore<CredentialsState> credentials,
    IDeviceLists deviceLists,
    IEnumerable<IRoomDepartures> departures)
    : IRequestHandler<DeactivateAccount, CommandResult<Unit>>
{
    public async Task<CommandResult<Unit>> Handle(DeactivateAccount command, CancellationToken cancellationToken)
    {
        var userId = command.UserId;
        var closed = await credentials.ExecuteAsync(
            UserStreams.Credentials(userId), state =>
                CredentialsDecider.Deactivate(state, userId), command.Context, cancellationToken);
        if (closed is not Execution<CredentialsState>.Done done)
            return closed.ToResult(Unit.Value);
        var known = (await accounts.LoadAsync(UserStreams.Account(userId), CancellationToken.None)).State.Devices;
        await deviceLists.RemovingAsync(userId, [.. known.Keys], command.Context);
        var emptied = await accounts.ExecuteAsync(
            UserStreams.Account(userId),
            state => AccountDecider.DeleteDevices(state, userId, [.. state.Devices.Keys]),
            command.Context,
            CancellationToken.None);
        foreach (var departure in departures)
            await departure.LeaveAllAsync(userId, command.Context);
        return emptied is Execution<AccountState>.Done gone
            ? new CommandResult<Unit>.Done(Unit.Value, LogPosition.Max(done.Position, gone.Position))
            : emptied.ToResult(Unit.Value);
    }
}
