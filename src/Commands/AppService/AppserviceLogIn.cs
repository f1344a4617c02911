using FluentValidation;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.UserApi;
using Matrix.EventSourced.Commands.UserApi.Accounts;
using Matrix.EventSourced.Commands.UserApi.Credentials;
using Matrix.EventSourced.Facts.UserApi;
using Matrix.EventSourced.Protocol.Identifiers;
using MediatR;

namespace Matrix.EventSourced.Commands.AppService;

/// <summary>Opens a session for a user of an application service, without a password.</summary>
/// <remarks>
/// Spec: v1.19 application-service-api #server-admin-style-permissions.
/// Requires: the application service showed its token, and the user is in its namespaces.
/// Errors: M_FORBIDDEN for who is not registered, M_USER_DEACTIVATED, M_USER_LOCKED.
/// </remarks>
public sealed record AppserviceLogIn(
    CommandContext Context, UserId UserId, string? DeviceId, string? DeviceName, bool IsRefreshable)
    : ICommand<OpenedSession>;

/// <summary>Makes a device without a session, or renames it; answers whether it is new.</summary>
/// <remarks>Spec: v1.19 application-service-api #creating-devices. Errors: M_USER_LOCKED.</remarks>
public sealed record PutAppserviceDevice(CommandContext Context, UserId UserId, string DeviceId, string? DeviceName)
    : ICommand<bool>;

public sealed class AppserviceLogInValidator : AbstractValidator<AppserviceLogIn>
{
    public AppserviceLogInValidator()
    {
        RuleFor(command => command.DeviceId).IsDeviceId();
        RuleFor(command => command.DeviceName).IsDeviceName();
    }
}

public sealed class PutAppserviceDeviceValidator : AbstractValidator<PutAppserviceDevice>
{
    public PutAppserviceDeviceValidator()
    {
        RuleFor(command => command.DeviceId).IsDeviceId();
        RuleFor(command => command.DeviceName).IsDeviceName();
    }
}

public sealed class AppserviceLogInHandler(SessionOpening sessions)
    : IRequestHandler<AppserviceLogIn, CommandResult<OpenedSession>>
{
    public async Task<CommandResult<OpenedSession>> Handle(
        AppserviceLogIn command, CancellationToken cancellationToken) =>
        await sessions.OpenAsync(
            command.Context,
            command.UserId,
            command.DeviceId,
            command.DeviceName,
            command.IsRefreshable,
            (state, token) => CredentialsDecider.IssueTokenWithoutPassword(state, command.UserId, token),
            cancellationToken);
}

public sealed class PutAppserviceDeviceHandler(AggregateStore<AccountState> accounts, IDeviceLists deviceLists)
    : IRequestHandler<PutAppserviceDevice, CommandResult<bool>>
{
    public async Task<CommandResult<bool>> Handle(PutAppserviceDevice command, CancellationToken cancellationToken)
    {
        if (await deviceLists.FindProblemAsync(command.UserId, command.DeviceId) is { } taken)
            return taken;
        var execution = await accounts.ExecuteAsync(
            UserStreams.Account(command.UserId),
            state => state.Devices.ContainsKey(command.DeviceId)
                ? command.DeviceName is null
                    ? Decision.Nothing
                    : AccountDecider.RenameDevice(
                        state, new DeviceRenamed(command.UserId, command.DeviceId, command.DeviceName))
                : AccountDecider.OpenDevice(
                    state, new DeviceCreated(command.UserId, command.DeviceId, command.DeviceName)),
            command.Context,
            cancellationToken);
        if (execution is not Execution<AccountState>.Done done)
            return execution.ToResult(false);
        if (!ReferenceEquals(done.Before, done.After))
        {
            await deviceLists.ListedAsync(
                command.UserId, command.DeviceId, done.After.Devices[command.DeviceId], command.Context);
        }
        return execution.ToResult(!done.Before.Devices.ContainsKey(command.DeviceId));
    }
}
