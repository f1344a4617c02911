using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.UserApi.Accounts;
using Matrix.EventSourced.Commands.UserApi.Credentials;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Protocol.Identifiers;
using MediatR;

namespace Matrix.EventSourced.Commands.UserApi;

/// <summary>Ends sessions: the devices' tokens first, then the devices. DeviceIds null means all of them.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #post_matrixclientv3logout, #post_matrixclientv3logoutall,
/// #delete_matrixclientv3devicesdeviceid,
/// #post_matrixclientv3delete_devices. Devices that are not there are gone already; that is no error.
/// </remarks>
public sealed record EndSessions(CommandContext Context, UserId UserId, IReadOnlyList<string>? DeviceIds)
    : ICommand<Unit>;

public sealed class EndSessionsHandler(
    AggregateStore<AccountState> accounts, AggregateStore<CredentialsState> credentials, IDeviceLists deviceLists)
    : IRequestHandler<EndSessions, CommandResult<Unit>>
{
    public async Task<CommandResult<Unit>> Handle(EndSessions command, CancellationToken cancellationToken)
    {
        var userId = command.UserId;
        var revoked = await credentials.ExecuteAsync(
            UserStreams.Credentials(userId),
            state => command.DeviceIds is { } some
                ? CredentialsDecider.RevokeDevices(state, userId, [.. some])
                : CredentialsDecider.RevokeAll(state, userId),
            command.Context,
            cancellationToken);
        if (revoked is not Execution<CredentialsState>.Done ended)
            return ((Execution<CredentialsState>.Refused)revoked).Error;

        var known = (await accounts.LoadAsync(UserStreams.Account(userId), CancellationToken.None)).State.Devices;
        var going = (command.DeviceIds ?? known.Keys).Where(known.ContainsKey).ToList();
        await deviceLists.RemovingAsync(userId, going, command.Context);
        var deleted = await accounts.ExecuteAsync(
            UserStreams.Account(userId),
            state => AccountDecider.DeleteDevices(state, userId, going),
            command.Context,
            CancellationToken.None);
        return deleted is Execution<AccountState>.Done done
            ? new CommandResult<Unit>.Done(Unit.Value, LogPosition.Max(ended.Position, done.Position))
            : ((Execution<AccountState>.Refused)deleted).Error;
    }
}
