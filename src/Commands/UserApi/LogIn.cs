using FluentValidation;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.UserApi.Credentials;
using Matrix.EventSourced.Protocol.Identifiers;
using MediatR;

namespace Matrix.EventSourced.Commands.UserApi;

/// <summary>Opens a session by password, on a known device or a new one.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #post_matrixclientv3login, #relationship-between-access-tokens-and-devices.
/// Ensures: the device's earlier token no longer works.
/// Errors: M_FORBIDDEN, M_USER_DEACTIVATED, M_USER_LOCKED, M_LIMIT_EXCEEDED.
/// </remarks>
public sealed record LogIn(
    CommandContext Context,
    UserId UserId,
    string Password,
    string? DeviceId,
    string? DeviceName) : ICommand<OpenedSession>
{
    /// <summary>The client can refresh its tokens.</summary>
    public bool IsRefreshable { get; init; }
}

public sealed class LogInValidator : AbstractValidator<LogIn>
{
    public LogInValidator()
    {
        RuleFor(command => command.DeviceId).IsDeviceId();
        RuleFor(command => command.DeviceName).IsDeviceName();
    }
}

public sealed class LogInHandler(SessionOpening sessions, PasswordCheck passwords)
    : IRequestHandler<LogIn, CommandResult<OpenedSession>>
{
    public async Task<CommandResult<OpenedSession>> Handle(LogIn command, CancellationToken cancellationToken)
    {
        var (verifiedHash, error) = await passwords.VerifyAsync(command.UserId, command.Password);
        if (error is not null)
            return error;
        return await sessions.OpenAsync(
            command.Context,
            command.UserId,
            command.DeviceId,
            command.DeviceName,
            command.IsRefreshable,
            (state, token) => CredentialsDecider.IssueToken(state, command.UserId, verifiedHash, token),
            cancellationToken);
    }
}
