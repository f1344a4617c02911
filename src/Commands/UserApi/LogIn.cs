using FluentValidation;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.UserApi.Accounts;
using Matrix.EventSourced.Commands.UserApi.Credentials;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Facts.UserApi;
using Matrix.EventSourced.Protocol.Identifiers;
using MediatR;

namespace Matrix.EventSourced.Commands.UserApi;

/// <summary>Opens a session by password, on a known device or a new one.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #post_matrixclientv3login, #relationship-between-access-tokens-and-devices.
/// Ensures: the device's earlier token no longer works.
/// Errors: M_FORBIDDEN, M_USER_DEACTIVATED, M_LIMIT_EXCEEDED.
/// </remarks>
public sealed record LogIn(
    CommandContext Context,
    UserId UserId,
    string Password,
    string? DeviceId,
    string? DeviceName) : ICommand<OpenedSession>;

public sealed class LogInValidator : AbstractValidator<LogIn>
{
    public LogInValidator()
    {
        RuleFor(command => command.DeviceId).IsDeviceId();
        RuleFor(command => command.DeviceName).IsDeviceName();
    }
}

public sealed class LogInHandler(
    AggregateStore<AccountState> accounts,
    AggregateStore<CredentialsState> credentials,
    PasswordCheck passwords,
    IRandom random) : IRequestHandler<LogIn, CommandResult<OpenedSession>>
{
    public async Task<CommandResult<OpenedSession>> Handle(LogIn command, CancellationToken cancellationToken)
    {
        var userId = command.UserId;
        var (verifiedHash, error) = await passwords.VerifyAsync(userId, command.Password);
        if (error is not null)
            return error;

        // The device comes first: a token without its device would be worse than a device without a token.
        var deviceId = command.DeviceId ?? AccessTokens.CreateDeviceId(random);
        var opened = await accounts.ExecuteAsync(
            UserStreams.Account(userId),
            state => AccountDecider.OpenDevice(state, new DeviceCreated(userId, deviceId, command.DeviceName)),
            command.Context,
            cancellationToken);
        if (opened is not Execution<AccountState>.Done device)
            return CredentialsDecider.WrongPassword;

        var token = AccessTokens.Create(random);
        var stored = new StoredAccessToken(AccessTokens.Hash(token), deviceId, command.Context.ReceivedAtMs);
        var issued = await credentials.ExecuteAsync(
            UserStreams.Credentials(userId),
            state => CredentialsDecider.IssueToken(state, userId, verifiedHash, stored),
            command.Context,
            CancellationToken.None);
        if (issued is not Execution<CredentialsState>.Done done)
            return ((Execution<CredentialsState>.Refused)issued).Error;

        var position = LogPosition.Max(device.Position, done.Position);
        var ended = CredentialsDecider.EndedDevices(done.Before, done.After);
        if (ended.Count > 0)
            position = LogPosition.Max(position, await DeleteAsync(userId, ended, command.Context));
        return new CommandResult<OpenedSession>.Done(new OpenedSession(userId, deviceId, token), position);
    }

    private async ValueTask<LogPosition> DeleteAsync(
        UserId userId, IReadOnlyList<string> deviceIds, CommandContext context)
    {
        var deleted = await accounts.ExecuteAsync(
            UserStreams.Account(userId), state =>
                AccountDecider.DeleteDevices(state, userId, deviceIds), context, CancellationToken.None);
        return deleted is Execution<AccountState>.Done done ? done.Position : LogPosition.Start;
    }
}
