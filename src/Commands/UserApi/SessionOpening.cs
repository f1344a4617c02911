using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.UserApi.Accounts;
using Matrix.EventSourced.Commands.UserApi.Credentials;
using Matrix.EventSourced.Commands.UserApi.OAuth;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Facts.UserApi;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Commands.UserApi;

/// <summary>Opens a session for somebody who showed who they are: a device, then its token.</summary>
public sealed class SessionOpening(
    AggregateStore<AccountState> accounts,
    AggregateStore<CredentialsState> credentials,
    SessionTokens tokens,
    IRandom random,
    IDeviceLists deviceLists)
{
    /// <remarks>
    /// Errors: M_FORBIDDEN for a device id that is a cross-signing key's; M_USER_LOCKED for a locked account; those of
    /// <paramref name="issue"/>.
    /// </remarks>
    public async ValueTask<CommandResult<OpenedSession>> OpenAsync(
        CommandContext context,
        UserId userId,
        string? wantedDeviceId,
        string? deviceName,
        bool isRefreshable,
        Func<CredentialsState, StoredAccessToken, Decision> issue,
        CancellationToken cancellationToken,
        OAuthGrant? grant = null)
    {
        if (wantedDeviceId is not null && await deviceLists.FindProblemAsync(userId, wantedDeviceId) is { } taken)
            return taken;
        // The device comes first: a token without its device would be worse than a device without a token.
        var deviceId = wantedDeviceId ?? AccessTokens.CreateDeviceId(random);
        var opened = await accounts.ExecuteAsync(
            UserStreams.Account(userId),
            state => AccountDecider.OpenDevice(state, new DeviceCreated(userId, deviceId, deviceName)),
            context,
            cancellationToken);
        if (opened is not Execution<AccountState>.Done device)
        {
            var error = ((Execution<AccountState>.Refused)opened).Error;
            return error.ErrCode == ErrCodes.UserLocked ? error : CredentialsDecider.WrongPassword;
        }

        var made = tokens.Create(deviceId, context.ReceivedAtMs, isRefreshable, grant);
        var issued = await credentials.ExecuteAsync(
            UserStreams.Credentials(userId), state => issue(state, made.Stored), context, CancellationToken.None);
        if (issued is not Execution<CredentialsState>.Done done)
            return ((Execution<CredentialsState>.Refused)issued).Error;

        if (!device.Before.Devices.ContainsKey(deviceId))
            await deviceLists.ListedAsync(userId, deviceId, deviceName, context);
        var position = LogPosition.Max(device.Position, done.Position);
        var ended = CredentialsDecider.EndedDevices(done.Before, done.After);
        if (ended.Count > 0)
            position = LogPosition.Max(position, await DeleteAsync(userId, ended, context));
        return new CommandResult<OpenedSession>.Done(new OpenedSession(userId, deviceId, made), position);
    }

    private async ValueTask<LogPosition> DeleteAsync(
        UserId userId, IReadOnlyList<string> deviceIds, CommandContext context)
    {
        await deviceLists.RemovingAsync(userId, deviceIds, context);
        var deleted = await accounts.ExecuteAsync(
            UserStreams.Account(userId), state =>
                AccountDecider.DeleteDevices(state, userId, deviceIds), context, CancellationToken.None);
        return deleted is Execution<AccountState>.Done done ? done.Position : LogPosition.Start;
    }
}
