using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.UserApi;
using Matrix.EventSourced.Commands.UserApi.Accounts;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Commands.KeyServer;

/// <summary>Keeps the device list that others are told of the same as the account's devices.</summary>
/// <remarks>
/// A device's keys go before the device, after its tokens: whoever logs in on the same device id later begins without
/// keys. What a crash between two streams leaves is put right when the server starts, or when the user's devices are
/// touched next.
/// </remarks>
public sealed class DeviceListKeeper(
    AggregateStore<DeviceKeysState> deviceKeys, AggregateStore<AccountState> accounts, OneTimeKeyBook oneTimeKeys)
    : IDeviceLists
{
    public async ValueTask<MatrixError?> FindProblemAsync(UserId user, string deviceId) =>
        DeviceKeysDecider.FindProblemOfId(
            (await deviceKeys.LoadAsync(KeyServerStreams.DeviceKeys(user))).State, deviceId);

    public async ValueTask ListedAsync(UserId user, string deviceId, string? name, CommandContext context) =>
        await deviceKeys.ExecuteAsync(
            KeyServerStreams.DeviceKeys(user),
            state => DeviceKeysDecider.SetName(state, user, deviceId, name),
            context,
            CancellationToken.None);

    public async ValueTask RemovingAsync(UserId user, IReadOnlyCollection<string> deviceIds, CommandContext context)
    {
        foreach (var deviceId in deviceIds)
            await oneTimeKeys.ClearAsync(user, deviceId, context);
        await deviceKeys.ExecuteAsync(
            KeyServerStreams.DeviceKeys(user),
            state => DeviceKeysDecider.Remove(state, user, deviceIds),
            context,
            CancellationToken.None);
    }

    /// <summary>Servers that were not told of the user's devices share a room with the user now.</summary>
    /// <remarks>Spec: v1.19 server-server-api #device-management. Devices that nobody was told of yet are told of;
    /// without any, something is said again.</remarks>
    public async ValueTask TellAgainAsync(UserId user, CommandContext context)
    {
        var listed = (await deviceKeys.LoadAsync(KeyServerStreams.DeviceKeys(user))).State.Devices;
        var there = (await accounts.LoadAsync(UserStreams.Account(user))).State.Devices;
        var isTold = false;
        foreach (var (deviceId, name) in there)
        {
            if (listed.ContainsKey(deviceId))
                continue;
            await ListedAsync(user, deviceId, name, context);
            isTold = true;
        }
        if (!isTold)
        {
            await deviceKeys.ExecuteAsync(
                KeyServerStreams.DeviceKeys(user),
                state => DeviceKeysDecider.Repeat(state, user),
                context,
                CancellationToken.None);
        }
    }

    /// <summary>Takes devices off the list that the account has no more, and gives the others their names.</summary>
    public async ValueTask ReconcileAsync(UserId user, CommandContext context)
    {
        var listed = (await deviceKeys.LoadAsync(KeyServerStreams.DeviceKeys(user))).State.Devices;
        var there = (await accounts.LoadAsync(UserStreams.Account(user))).State.Devices;
        var gone = listed.Keys.Where(deviceId => !there.ContainsKey(deviceId)).ToList();
        if (gone.Count > 0)
            await RemovingAsync(user, gone, context);
        foreach (var (deviceId, device) in listed)
        {
            if (there.TryGetValue(deviceId, out var name) && name != device.DisplayName)
                await ListedAsync(user, deviceId, name, context);
        }
    }
}
