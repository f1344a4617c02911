using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.UserApi.Accounts;
using Matrix.EventSourced.Commands.UserApi.Credentials;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Commands.UserApi;

/// <summary>
/// Whether a name can be registered: asked by /register before it authenticates, and by /register/available.
/// </summary>
/// <remarks>Errors: M_INVALID_USERNAME, M_USER_IN_USE; a name of a closed account stays in use.</remarks>
public sealed class NameAvailability(AggregateStore<CredentialsState> credentials)
{
    public async ValueTask<(UserId UserId, MatrixError? Error)> CheckAsync(
        string username, ServerName server, CancellationToken cancellationToken)
    {
        if (Usernames.TryDesired(username, server, out var userId) is { } invalid)
            return (default, invalid);
        var isTaken = (await credentials.LoadAsync(UserStreams.Credentials(userId), cancellationToken)).State.Exists;
        return (userId, isTaken ? AccountDecider.UserInUse : null);
    }
}
