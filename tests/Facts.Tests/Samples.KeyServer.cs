using Matrix.EventSourced.Facts.KeyServer;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Facts.Tests;

/// <content>Keys.</content>
internal static partial class Samples
{
    private static UserId Bob => UserId.Parse("@bob:other.org");

    private static RawJson DeviceKeys => RawJson.FromText(
        """{"algorithms":["m.olm.v1.curve25519-aes-sha2"],"device_id":"PHONE","keys":{},"user_id":"@alice:example.org"}""");

    private static RawJson MasterKey => RawJson.FromText(
        """{"keys":{"ed25519:abc":"abc"},"usage":["master"],"user_id":"@alice:example.org"}""");

    private static OneTimeKey OneTime => new(
        "signed_curve25519:AAAAHg", RawJson.FromText("""{"key":"zKbLg","signatures":{"@alice:example.org":{}}}"""));

    private static KeySupply Supply => new(
        [new("curve25519", 2), new("signed_curve25519", 49)], ["signed_curve25519"]);

    private static KeySupply NoSupply => new([], []);

    private static IEnumerable<(string File, IFact Fact)> KeyServer() =>
    [
        .. Pair(
            FactNames.DeviceListUpdated,
            new DeviceListUpdated(Alice, "PHONE", 5, 4, "Alice's phone", DeviceKeys, IsDeleted: true, IsRepeated: true),
            new DeviceListUpdated(Alice, "PHONE", 1, null, null, null)),
        .. Pair(
            FactNames.CrossSigningKeysChanged,
            new CrossSigningKeysChanged(Alice, MasterKey, MasterKey, MasterKey, IsPrivate: true),
            new CrossSigningKeysChanged(Alice, null, null, null)),
        .. Pair(
            FactNames.MasterKeySigned,
            new MasterKeySigned(Alice, Bob, "abc", "ed25519:def", "c2ln"),
            new MasterKeySigned(Alice, Bob, "abc", "ed25519:def", "c2ln")),
        .. Pair(
            FactNames.OneTimeKeysAdded,
            new OneTimeKeysAdded(Alice, "PHONE", [OneTime, new("curve25519:x", RawJson.FromText("\"zKbLg\""))], Supply),
            new OneTimeKeysAdded(Alice, "PHONE", [], NoSupply)),
        .. Pair(
            FactNames.OneTimeKeyClaimed,
            new OneTimeKeyClaimed(Alice, "PHONE", OneTime.KeyId, Supply),
            new OneTimeKeyClaimed(Alice, "PHONE", OneTime.KeyId, NoSupply)),
        .. Pair(
            FactNames.FallbackKeysSet,
            new FallbackKeysSet(Alice, "PHONE", [OneTime], Supply),
            new FallbackKeysSet(Alice, "PHONE", [], NoSupply)),
        .. Pair(
            FactNames.FallbackKeyUsed,
            new FallbackKeyUsed(Alice, "PHONE", OneTime.KeyId, Supply),
            new FallbackKeyUsed(Alice, "PHONE", OneTime.KeyId, NoSupply)),
        .. Pair(
            FactNames.OneTimeKeysKept,
            new OneTimeKeysKept(Alice, "PHONE", [OneTime], [new(OneTime.KeyId, OneTime.Key, IsUsed: true)], Supply),
            new OneTimeKeysKept(Alice, "PHONE", [], [], NoSupply)),
        .. Pair(
            FactNames.RemoteDeviceListFetched,
            new RemoteDeviceListFetched(Bob, 7, [new("TABLET", "Bob's", DeviceKeys)], MasterKey, MasterKey, IsNews: true),
            new RemoteDeviceListFetched(Bob, 0, [], null, null, IsNews: false)),
        .. Pair(
            FactNames.RemoteDeviceUpdated,
            new RemoteDeviceUpdated(Bob, 8, "TABLET", "Bob's", DeviceKeys, IsDeleted: true),
            new RemoteDeviceUpdated(Bob, 8, "TABLET", null, null)),
        .. Pair(
            FactNames.RemoteSigningKeysUpdated,
            new RemoteSigningKeysUpdated(Bob, MasterKey, MasterKey),
            new RemoteSigningKeysUpdated(Bob, null, null)),
        .. Pair(
            FactNames.RemoteDeviceListOutdated, new RemoteDeviceListOutdated(Bob), new RemoteDeviceListOutdated(Bob)),
        .. Pair(
            FactNames.RemoteDeviceListForgotten, new RemoteDeviceListForgotten(Bob), new RemoteDeviceListForgotten(Bob)),
    ];
}
