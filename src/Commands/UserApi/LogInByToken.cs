using FluentValidation;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.UserApi.Credentials;
using Matrix.EventSourced.Protocol.Identifiers;
using MediatR;

namespace Matrix.EventSourced.Commands.UserApi;

/// <summary>Opens a session for whoever brought a login token, on a known device or a new one.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #post_matrixclientv3login.
/// Requires: the token was taken from <see cref="LoginTokens"/>, and is for this user.
/// Errors: M_USER_DEACTIVATED, M_USER_LOCKED.
/// </remarks>
public sealed record LogInByToken(
    CommandContext Context, UserId UserId, string? DeviceId, string? DeviceName, bool IsRefreshable)
    : ICommand<OpenedSession>;

public sealed class LogInByTokenValidator : AbstractValidator<LogInByToken>
{
    public LogInByTokenValidator()
    {
        RuleFor(command => command.DeviceId).IsDeviceId();
        RuleFor(command => command.DeviceName).IsDeviceName();
    }
}

public sealed class LogInByTokenHandler(SessionOpening sessions)
    : IRequestHandler<LogInByToken, CommandResult<OpenedSession>>
{
    public async Task<CommandResult<OpenedSession>> Handle(LogInByToken command, CancellationToken cancellationToken) =>
        await sessions.OpenAsync(
            command.Context,
            command.UserId,
            command.DeviceId,
            command.DeviceName,
            command.IsRefreshable,
            // Who logged in through an identity provider may have no password.
            (state, token) => CredentialsDecider.IssueTokenWithoutPassword(state, command.UserId, token),
            cancellationToken);
}
