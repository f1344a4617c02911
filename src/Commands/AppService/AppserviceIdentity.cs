using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.UserApi;
using Matrix.EventSourced.Commands.UserApi.Accounts;
using Matrix.EventSourced.Commands.UserApi.Credentials;
using Matrix.EventSourced.Protocol.AppServices;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Commands.AppService;

/// <summary>As whom an application service acts. Shape: DeviceId null where it named none.</summary>
public sealed record AssertedIdentity(UserId UserId, string? DeviceId, bool IsLocked, bool IsSuspended);

/// <summary>Finds out whether an application service may act as who it says it is.</summary>
/// <remarks>Spec: v1.19 application-service-api #identity-assertion. Cost: two reads of streams that are in memory,
/// beyond their heads.</remarks>
public sealed class AppserviceIdentity(
    AggregateStore<AccountState> accounts, AggregateStore<CredentialsState> credentials)
{
    private static readonly MatrixError NotRegistered =
        MatrixError.Forbidden("The application service has not registered this user.");

    /// <remarks>
    /// Errors: M_INVALID_PARAM for what is no user id; M_FORBIDDEN outside its namespaces, and for users who are not
    /// registered; M_USER_DEACTIVATED; M_UNKNOWN_DEVICE.
    /// </remarks>
    public async ValueTask<(AssertedIdentity? Identity, MatrixError? Error)> AssertAsync(
        AppserviceRegistration service, string? user, string? deviceId, CancellationToken cancellationToken)
    {
        var userId = service.Sender;
        if (user is not null && !UserId.TryParse(user, out userId))
            return (null, MatrixError.InvalidParam("user_id must be a user id."));
        if (!service.OwnsUser(userId))
            return (null, MatrixError.Forbidden("The application service cannot act as this user."));
        var account = (await accounts.LoadAsync(UserStreams.Account(userId), cancellationToken)).State;
        var standing = (await credentials.LoadAsync(UserStreams.Credentials(userId), cancellationToken)).State;
        if (!account.Exists || !standing.Exists)
            return (null, NotRegistered);
        if (standing.IsDeactivated)
            return (null, CredentialsDecider.Deactivated);
        if (deviceId is not null && !account.Devices.ContainsKey(deviceId))
            return (null, new MatrixError(400, ErrCodes.UnknownDevice, "The user has no device with this id."));
        return (new AssertedIdentity(userId, deviceId, account.IsLocked, account.IsSuspended), null);
    }
}
