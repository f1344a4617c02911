using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.UserApi.Accounts;
using Matrix.EventSourced.Commands.UserApi.Credentials;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Protocol.Identifiers;
using MediatR;

namespace Matrix.EventSourced.Commands.UserApi;

/// <summary>Gives an account a new password; the others' sessions end unless they shall stay.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #post_matrixclientv3accountpassword.
/// Shape: OwnDeviceId is the device that asked, which stays logged in; null where no session asked.
/// </remarks>
public sealed record ChangePassword(
    CommandContext Context,
    UserId UserId,
    string NewPassword,
    bool EndsOtherSessions,
    string? OwnDeviceId) : ICommand<Unit>;

public sealed class ChangePasswordHandler(
    AggregateStore<AccountState> accounts,
    AggregateStore<CredentialsState> credentials,
    PasswordCheck passwords,
    IDeviceLists deviceLists) : IRequestHandler<ChangePassword, CommandResult<Unit>>
{
    public async Task<CommandResult<Unit>> Handle(ChangePassword command, CancellationToken cancellationToken)
    {
        var userId = command.UserId;
        var (hash, error) = await passwords.HashAsync(command.NewPassword);
        if (error is not null)
            return error;
        var changed = await credentials.ExecuteAsync(
            UserStreams.Credentials(userId),
            state =>
                CredentialsDecider.ChangePassword(state, userId, hash!, command.EndsOtherSessions, command.OwnDeviceId),
            command.Context,
            cancellationToken);
        if (changed is not Execution<CredentialsState>.Done done || !command.EndsOtherSessions)
            return changed.ToResult(Unit.Value);

        var known = (await accounts.LoadAsync(UserStreams.Account(userId), CancellationToken.None)).State.Devices;
        var going = known.Keys.Where(id => id != command.OwnDeviceId).ToList();
        await deviceLists.RemovingAsync(userId, going, command.Context);
        var deleted = await accounts.ExecuteAsync(
            UserStreams.Account(userId),
            state => AccountDecider.DeleteDevices(state, userId, going),
            command.Context,
            CancellationToken.None);
        return deleted is Execution<AccountState>.Done gone
            ? new CommandResult<Unit>.Done(Unit.Value, LogPosition.Max(done.Position, gone.Position))
            : deleted.ToResult(Unit.Value);
    }
}
