using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.KeyServer;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Commands.KeyServer;

/// <summary>One-time and fallback keys of the devices of this server's users.</summary>
/// <remarks>
/// Ensures: a one-time key is given out once, across restarts and processes: that it is gone is durable before anybody
/// gets it, and of two who decide at once one decides again.
/// Cost: an append for a one-time key, none for a fallback key that was used before.
/// </remarks>
public sealed class OneTimeKeyBook(AggregateStore<OneTimeKeysState> keys, IEventAppender log)
{
    public async ValueTask<Execution<OneTimeKeysState>> UploadAsync(
        UserId user,
        string deviceId,
        IReadOnlyList<OneTimeKey> oneTime,
        IReadOnlyList<OneTimeKey> fallback,
        CommandContext context) => await keys.ExecuteAsync(
            KeyServerStreams.OneTimeKeys(user, deviceId),
            state => OneTimeKeysDecider.Upload(state, user, deviceId, oneTime, fallback),
            context,
            CancellationToken.None);

    /// <summary>The key, or null where the device has none.</summary>
    public async ValueTask<OneTimeKey?> ClaimAsync(
        UserId user, string deviceId, string algorithm, CommandContext context)
    {
        OneTimeKey? given = null;
        var stream = KeyServerStreams.OneTimeKeys(user, deviceId);
        var execution = await keys.ExecuteAsync(
            stream,
            state =>
            {
                var (decision, key) = OneTimeKeysDecider.Claim(state, user, deviceId, algorithm);
                given = key;
                return decision;
            },
            context,
            CancellationToken.None);
        // Too many writers at once: what was decided last was not written.
        if (execution is not Execution<OneTimeKeysState>.Done done)
            return null;
        if (done.After.Records == 1 && done.Before.Records > 1)
            await CutAsync(stream);
        return given;
    }

    /// <summary>A device is going: its keys go first.</summary>
    public async ValueTask ClearAsync(UserId user, string deviceId, CommandContext context)
    {
        var stream = KeyServerStreams.OneTimeKeys(user, deviceId);
        var cleared = await keys.ExecuteAsync(
            stream, state => OneTimeKeysDecider.Clear(state, user, deviceId), context, CancellationToken.None);
        if (cleared is Execution<OneTimeKeysState>.Done { Before.IsEmpty: false })
            await CutAsync(stream);
    }

    public async ValueTask<KeySupply> SupplyAsync(
        UserId user, string deviceId, CancellationToken cancellationToken) =>
        (await keys.LoadAsync(KeyServerStreams.OneTimeKeys(user, deviceId), cancellationToken)).State.Supply;

    /// <summary>Hides what stands before the last record, which says everything. Should it get lost, the next cut
    /// does it.</summary>
    private async ValueTask CutAsync(StreamName stream)
    {
        if (await keys.LoadAsync(stream) is { State.Records: 1, Revision: { } revision })
            await log.SetStreamMetadataAsync(
                stream, new StreamMetadata(TruncateBefore: revision), CancellationToken.None);
    }
}

/// <summary>The streams of the KeyServer.</summary>
public static class KeyServerStreams
{
    public static StreamName DeviceKeys(UserId user) => new(StreamCategories.DeviceKeys, user.Value);

    /// <summary>A server's name holds no slash, so the device id begins after the first one behind it.</summary>
    public static StreamName OneTimeKeys(UserId user, string deviceId) =>
        new(StreamCategories.OneTimeKeys, $"{user.Value}/{deviceId}");

    public static StreamName RemoteDevices(UserId user) => new(StreamCategories.RemoteDevices, user.Value);
}
