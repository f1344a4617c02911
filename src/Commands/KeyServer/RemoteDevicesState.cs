using System.Collections.Immutable;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.KeyServer;

namespace Matrix.EventSourced.Commands.KeyServer;

/// <summary>What the stream <c>remotedevices-…</c> says: how far the device list of another server's user is
/// known.</summary>
/// <remarks>Shape: StreamId, the newest update that is applied; FetchedAt, that of the list as a whole; Recent, the
/// updates since, oldest first; Devices, by id.</remarks>
public sealed record RemoteDevicesState : IAggregateState<RemoteDevicesState>
{
    public static RemoteDevicesState Initial { get; } = new();

    public static bool LastRecordOnly => false;

    /// <summary>The list was fetched, and updates are applied to it.</summary>
    public bool IsTracked { get; private init; }

    /// <summary>Clients were told that there is something new, and it was not fetched since.</summary>
    public bool IsOutdated { get; private init; }

    /// <summary>Something was said of the user before.</summary>
    public bool HasHistory { get; private init; }

    public long StreamId { get; private init; }

    public long FetchedAt { get; private init; }

    public ImmutableQueue<long> Recent { get; private init; } = [];

    public ImmutableSortedDictionary<string, RemoteDevice> Devices { get; private init; } =
        ImmutableSortedDictionary.Create<string, RemoteDevice>(StringComparer.Ordinal);

    public RawJson? MasterKey { get; private init; }

    public RawJson? SelfSigningKey { get; private init; }

    public RemoteDevicesState Evolve(IFact fact) => fact switch
    {
        RemoteDeviceListFetched fetched => new RemoteDevicesState
        {
            HasHistory = true,
            IsTracked = true,
            StreamId = fetched.StreamId,
            FetchedAt = fetched.StreamId,
            Devices = Initial.Devices.SetItems(
                fetched.Devices.Select(device => KeyValuePair.Create(device.DeviceId, device))),
            MasterKey = fetched.MasterKey,
            SelfSigningKey = fetched.SelfSigningKey,
        },
        RemoteDeviceUpdated updated => this with
        {
            StreamId = Math.Max(StreamId, updated.StreamId),
            Recent = RemoteDevicesDecider.Remember(Recent, updated.StreamId),
            Devices = updated.IsDeleted
                ? Devices.Remove(updated.DeviceId)
                : Devices.SetItem(
                    updated.DeviceId, new RemoteDevice(updated.DeviceId, updated.DisplayName, updated.Keys)),
        },
        RemoteSigningKeysUpdated updated => this with
        {
            MasterKey = updated.MasterKey ?? MasterKey,
            SelfSigningKey = updated.SelfSigningKey ?? SelfSigningKey,
        },
        RemoteDeviceListOutdated => this with { HasHistory = true, IsTracked = false, IsOutdated = true },
        RemoteDeviceListForgotten => Initial with { HasHistory = true },
        _ => this,
    };
}
