using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.UserApi.Credentials;
using Matrix.EventSourced.Commands.UserApi.Passwords;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Commands.UserApi;

/// <summary>Checks and makes passwords, with the refusals that belong to it.</summary>
public sealed class PasswordCheck(AggregateStore<CredentialsState> credentials, IPasswordHasher hasher)
{
    private static MatrixError TooBusy =>
        new(429, ErrCodes.LimitExceeded, "Too many logins at once; try again.") { RetryAfterMs = 2_000 };

    /// <summary>The hash that the user's password was checked against, or why nobody gets in.</summary>
    /// <remarks>
    /// Errors: M_FORBIDDEN for an unknown user as for a wrong password, after the same work; M_USER_DEACTIVATED;
    /// M_LIMIT_EXCEEDED.
    /// </remarks>
    public async ValueTask<(string? VerifiedHash, MatrixError? Error)> VerifyAsync(UserId userId, string password)
    {
        if (FindProblem(password) is not null)
            return (null, CredentialsDecider.WrongPassword);
        var state = (await credentials.LoadAsync(UserStreams.Credentials(userId))).State;
        var isRight = await hasher.VerifyAsync(password, state.PasswordHash);
        if (isRight is null)
            return (null, TooBusy);
        if (state.IsDeactivated)
            return (null, CredentialsDecider.Deactivated);
        return isRight.Value ? (state.PasswordHash, null) : (null, CredentialsDecider.WrongPassword);
    }

    /// <summary>The hash of a new password, or why it cannot be one.</summary>
    public async ValueTask<(string? Hash, MatrixError? Error)> HashAsync(string password)
    {
        if (FindProblem(password) is { } problem)
            return (null, problem);
        var hash = await hasher.HashAsync(password);
        return hash is null ? (null, TooBusy) : (hash, null);
    }

    public static MatrixError? FindProblem(string password)
    {
        if (password.Length == 0)
            return new MatrixError(400, ErrCodes.WeakPassword, "The password must not be empty.");
        return System.Text.Encoding.UTF8.GetByteCount(password) > Limits.PasswordBytesMax
            ? MatrixError.InvalidParam($"A password may be at most {Limits.PasswordBytesMax} bytes long.")
            : null;
    }
}
