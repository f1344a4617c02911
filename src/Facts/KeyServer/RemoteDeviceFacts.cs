using System.Collections.Immutable;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Facts.KeyServer;

/// <summary>A fact of the stream <c>remotedevices-…</c>: what is known of the devices of another server's user. It is
/// cut off before its last <see cref="RemoteDeviceListFetched"/>.</summary>
public interface IRemoteDeviceFact : IFact
{
    UserId UserId { get; }
}

/// <summary>The whole list, as the user's server gave it: <c>keyserver.remote_device_list_fetched.v1</c>.</summary>
/// <remarks>
/// Shape: StreamId is the server's, of the last update that the list holds. Keys are canonical JSON. IsNews: clients
/// have to ask again; false where nothing was said of the user before, and one is just being answered with it.
/// Consumers: replace everything; from here on updates are applied to it.
/// </remarks>
public sealed record RemoteDeviceListFetched(
    UserId UserId,
    long StreamId,
    ImmutableArray<RemoteDevice> Devices,
    RawJson? MasterKey,
    RawJson? SelfSigningKey,
    bool IsNews) : IRemoteDeviceFact;

/// <summary>A device of another server's user.</summary>
public sealed record RemoteDevice(string DeviceId, string? DisplayName, RawJson? Keys);

/// <summary>One device changed, and nothing before it is missing: <c>keyserver.remote_device_updated.v1</c>.</summary>
/// <remarks>Consumers: replace the device.</remarks>
public sealed record RemoteDeviceUpdated(
    UserId UserId,
    long StreamId,
    string DeviceId,
    string? DisplayName,
    RawJson? Keys,
    bool IsDeleted = false) : IRemoteDeviceFact;

/// <summary>The user has other cross-signing keys: <c>keyserver.remote_signing_keys_updated.v1</c>.</summary>
/// <remarks>Shape: a key that is null stays as it was.</remarks>
public sealed record RemoteSigningKeysUpdated(
    UserId UserId, RawJson? MasterKey, RawJson? SelfSigningKey) : IRemoteDeviceFact;

/// <summary>An update came that does not fit what is known: <c>keyserver.remote_device_list_outdated.v1</c>.</summary>
/// <remarks>Consumers: what is known is not shown any more; the list has to be fetched.</remarks>
public sealed record RemoteDeviceListOutdated(UserId UserId) : IRemoteDeviceFact;

/// <summary>Nobody here shares a room with the user any more: <c>keyserver.remote_device_list_forgotten.v1</c>.
/// </summary>
/// <remarks>Consumers: forget it all; updates do not come any more.</remarks>
public sealed record RemoteDeviceListForgotten(UserId UserId) : IRemoteDeviceFact;
