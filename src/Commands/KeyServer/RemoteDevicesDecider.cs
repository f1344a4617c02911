using System.Collections.Immutable;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Facts.KeyServer;
using Matrix.EventSourced.Protocol;

namespace Matrix.EventSourced.Commands.KeyServer;

/// <summary>An <c>m.device_list_update</c>, checked. Shape: PrevIds as sent, empty where they are missing.</summary>
public sealed record DeviceListUpdate(RemoteDeviceUpdated Update, ImmutableArray<long> PrevIds);

/// <summary>Decides what is known of the devices of another server's user. Pure.</summary>
/// <remarks>
/// Spec: v1.19 server-server-api #device-management.
/// <code>
///   update ──► not tracked: tell clients, once                    (who asks is answered by the user's server)
///          ──► known already: nothing
///          ──► all that it builds on is known: apply
///          ──► else: outdated, to be fetched
/// </code>
/// </remarks>
public static class RemoteDevicesDecider
{
    public static Decision Apply(RemoteDevicesState state, DeviceListUpdate update)
    {
        if (state.IsOutdated)
            return Decision.Nothing;
        if (!state.IsTracked)
            return Decision.Accept(new RemoteDeviceListOutdated(update.Update.UserId));
        var id = update.Update.StreamId;
        if (id <= state.FetchedAt || state.Recent.Contains(id))
            return Decision.Nothing;
        // The first of all updates builds on nothing. An older one that comes late may be overtaken.
        var isNext = id > state.StreamId
            && (update.PrevIds.IsEmpty ? state.StreamId == 0 : update.PrevIds.All(prev => IsKnown(state, prev)));
        return isNext
            ? Decision.Accept(update.Update)
            : Decision.Accept(new RemoteDeviceListOutdated(update.Update.UserId));
    }

    /// <summary>New signing keys. They have no ids, so that of a user who is not tracked clients only hear.</summary>
    public static Decision Apply(RemoteDevicesState state, RemoteSigningKeysUpdated update)
    {
        if (state.IsOutdated)
            return Decision.Nothing;
        if (!state.IsTracked)
            return Decision.Accept(new RemoteDeviceListOutdated(update.UserId));
        return (update.MasterKey is null || update.MasterKey == state.MasterKey)
            && (update.SelfSigningKey is null || update.SelfSigningKey == state.SelfSigningKey)
                ? Decision.Nothing
                : Decision.Accept(update);
    }

    /// <summary>The list came. It is news unless nothing was ever said of the user: then it is the answer to somebody
    /// who asked.</summary>
    /// <remarks>It cuts off what came before, which may have been news to clients that have not asked since. So it is
    /// news itself, even where it says what was known; a replay tells the same.</remarks>
    /// <param name="state">What is known.</param>
    /// <param name="fetched">The list; whether it is news is found here.</param>
    public static Decision Fetched(RemoteDevicesState state, RemoteDeviceListFetched fetched)
    {
        var isSame = state.MasterKey == fetched.MasterKey && state.SelfSigningKey == fetched.SelfSigningKey
            && state.Devices.Values.SequenceEqual(
                fetched.Devices.OrderBy(device => device.DeviceId, StringComparer.Ordinal));
        return state.IsTracked && isSame && state.StreamId == fetched.StreamId
            ? Decision.Nothing
            : Decision.Accept(fetched with { IsNews = state.HasHistory });
    }

    /// <summary>Something may have been missed: clients ask again, once.</summary>
    public static Decision Outdate(RemoteDevicesState state, Protocol.Identifiers.UserId user) =>
        state.IsTracked ? Decision.Accept(new RemoteDeviceListOutdated(user)) : Decision.Nothing;

    /// <summary>Nobody here shares a room with the user any more.</summary>
    public static Decision Forget(RemoteDevicesState state, Protocol.Identifiers.UserId user) =>
        state.IsTracked || state.IsOutdated
            ? Decision.Accept(new RemoteDeviceListForgotten(user))
            : Decision.Nothing;

    internal static ImmutableQueue<long> Remember(ImmutableQueue<long> recent, long streamId)
    {
        recent = recent.Enqueue(streamId);
        return recent.Count() > Limits.DeviceListUpdatesRememberedMax ? recent.Dequeue() : recent;
    }

    private static bool IsKnown(RemoteDevicesState state, long streamId) =>
        streamId <= state.FetchedAt || state.Recent.Contains(streamId);
}
