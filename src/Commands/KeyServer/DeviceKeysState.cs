using System.Collections.Immutable;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.KeyServer;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Commands.KeyServer;

/// <summary>What the stream <c>devicekeys-…</c> says: the device list of a user of ours as others are told of it, and
/// the cross-signing keys.</summary>
/// <remarks>Shape: StreamId is that of the last update, 0 before the first.</remarks>
public sealed record DeviceKeysState : IAggregateState<DeviceKeysState>
{
    public static DeviceKeysState Initial { get; } = new();

    public static bool LastRecordOnly => false;

    public ImmutableSortedDictionary<string, ListedDevice> Devices { get; private init; } =
        ImmutableSortedDictionary.Create<string, ListedDevice>(StringComparer.Ordinal);

    public long StreamId { get; private init; }

    public RawJson? MasterKey { get; private init; }

    public RawJson? SelfSigningKey { get; private init; }

    public RawJson? UserSigningKey { get; private init; }

    /// <summary>Signatures on other users' master keys.</summary>
    public ImmutableDictionary<(UserId User, string PublicKey, string SigningKeyId), string> Signed
    {
        get;
        private init;
    } = ImmutableDictionary<(UserId User, string PublicKey, string SigningKeyId), string>.Empty;

    public DeviceKeysState Evolve(IFact fact) => fact switch
    {
        DeviceListUpdated { IsDeleted: true } gone =>
            this with { StreamId = gone.StreamId, Devices = Devices.Remove(gone.DeviceId) },
        DeviceListUpdated updated => this with
        {
            StreamId = updated.StreamId,
            Devices = Devices.SetItem(updated.DeviceId, new(updated.DisplayName, updated.Keys)),
        },
        CrossSigningKeysChanged changed => this with
        {
            MasterKey = changed.MasterKey,
            SelfSigningKey = changed.SelfSigningKey,
            UserSigningKey = changed.UserSigningKey,
        },
        MasterKeySigned signed => this with
        {
            Signed = Signed.SetItem((signed.UserId, signed.PublicKey, signed.SigningKeyId), signed.Signature),
        },
        _ => this,
    };
}

/// <summary>A device as others are told of it.</summary>
public sealed record ListedDevice(string? DisplayName, RawJson? Keys);
