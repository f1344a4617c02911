using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.UserApi.Accounts;
using Matrix.EventSourced.Commands.UserApi.Credentials;
using Matrix.EventSourced.Protocol.AppServices;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Commands.UserApi;

/// <summary>
/// Whether a name can be registered: asked by /register before it authenticates, and by /register/available.
/// </summary>
/// <remarks>Errors: M_INVALID_USERNAME, M_USER_IN_USE; a name of a closed account stays in use. M_EXCLUSIVE for names
/// that application services have for themselves.</remarks>
public sealed class NameAvailability(
    AggregateStore<CredentialsState> credentials, AppserviceSet? appservices = null)
{
    public async ValueTask<(UserId UserId, MatrixError? Error)> CheckAsync(
        string username,
        ServerName server,
        CancellationToken cancellationToken,
        string? appserviceId = null)
    {
        if (Usernames.TryDesired(username, server, out var userId) is { } invalid)
            return (default, invalid);
        if (appservices?.FindProblemOfUser(userId, appserviceId) is { } exclusive)
            return (userId, exclusive);
        var isTaken = (await credentials.LoadAsync(UserStreams.Credentials(userId), cancellationToken)).State.Exists;
        return (userId, isTaken ? AccountDecider.UserInUse : null);
    }
}
