using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Facts.KeyServer;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Commands.KeyServer;

/// <summary>Records what other servers say about the devices of their users.</summary>
/// <remarks>Requires: the user is the saying server's, and shares a room with ours. The streams stay short: a list that
/// was fetched cuts off what came before.</remarks>
public sealed class RemoteDeviceBook(AggregateStore<RemoteDevicesState> devices, IEventAppender log)
{
    /// <summary>True when the list has to be fetched now.</summary>
    public async ValueTask<bool> ApplyAsync(DeviceListUpdate update, CommandContext context) =>
        IsDue(await ExecuteAsync(
            update.Update.UserId, state => RemoteDevicesDecider.Apply(state, update), context));

    /// <inheritdoc cref="ApplyAsync(DeviceListUpdate, CommandContext)"/>
    public async ValueTask<bool> ApplyAsync(RemoteSigningKeysUpdated update, CommandContext context) =>
        IsDue(await ExecuteAsync(update.UserId, state => RemoteDevicesDecider.Apply(state, update), context));

    public async ValueTask FetchedAsync(RemoteDeviceListFetched fetched, CommandContext context)
    {
        var execution = await ExecuteAsync(
            fetched.UserId, state => RemoteDevicesDecider.Fetched(state, fetched), context);
        if (execution is not Execution<RemoteDevicesState>.Done { Before: var before, After: var after }
            || ReferenceEquals(before, after))
            return;
        var stream = KeyServerStreams.RemoteDevices(fetched.UserId);
        // The last record said everything, unless another came meanwhile: then the cut waits for the next list.
        if (await devices.LoadAsync(stream) is { Revision: > 0 and { } revision, State: var now }
            && ReferenceEquals(now, after))
        {
            await log.SetStreamMetadataAsync(
                stream, new StreamMetadata(TruncateBefore: revision), CancellationToken.None);
        }
    }

    /// <summary>Updates may have been missed: the list has to be fetched.</summary>
    public async ValueTask OutdateAsync(UserId user, CommandContext context) =>
        await ExecuteAsync(user, state => RemoteDevicesDecider.Outdate(state, user), context);

    public async ValueTask ForgetAsync(UserId user, CommandContext context) =>
        await ExecuteAsync(user, state => RemoteDevicesDecider.Forget(state, user), context);

    public async ValueTask<RemoteDevicesState> FindAsync(UserId user) =>
        (await devices.LoadAsync(KeyServerStreams.RemoteDevices(user))).State;

    private ValueTask<Execution<RemoteDevicesState>> ExecuteAsync(
        UserId user, Func<RemoteDevicesState, Decision> decide, CommandContext context) =>
        devices.ExecuteAsync(KeyServerStreams.RemoteDevices(user), decide, context, CancellationToken.None);

    private static bool IsDue(Execution<RemoteDevicesState> execution) =>
        execution is Execution<RemoteDevicesState>.Done { After.IsOutdated: true };
}
