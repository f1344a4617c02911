using FluentValidation;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.UserApi.Accounts;
using Matrix.EventSourced.Facts.UserApi;
using Matrix.EventSourced.Protocol.Identifiers;
using MediatR;

namespace Matrix.EventSourced.Commands.UserApi;

/// <summary>Gives a device another display name.</summary>
/// <remarks>Spec: v1.19 client-server-api #put_matrixclientv3devicesdeviceid. Errors: M_NOT_FOUND.</remarks>
public sealed record RenameDevice(CommandContext Context, UserId UserId, string DeviceId, string? DeviceName)
    : ICommand<Unit>;

public sealed class RenameDeviceValidator : AbstractValidator<RenameDevice>
{
    public RenameDeviceValidator() => RuleFor(command => command.DeviceName).IsDeviceName();
}

public sealed class RenameDeviceHandler(AggregateStore<AccountState> accounts, IDeviceLists deviceLists)
    : IRequestHandler<RenameDevice, CommandResult<Unit>>
{
    public async Task<CommandResult<Unit>> Handle(RenameDevice command, CancellationToken cancellationToken)
    {
        var (user, deviceId, name) = (command.UserId, command.DeviceId, command.DeviceName);
        var renamed = await accounts.ExecuteAsync(
            UserStreams.Account(user),
            state => AccountDecider.RenameDevice(state, new DeviceRenamed(user, deviceId, name)),
            command.Context,
            cancellationToken);
        if (renamed is Execution<AccountState>.Done)
            await deviceLists.ListedAsync(user, deviceId, name, command.Context);
        return renamed.ToResult(Unit.Value);
    }
}
