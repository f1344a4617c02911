using System.Collections.Immutable;
using Matrix.EventSourced.Facts.Audit;
using Matrix.EventSourced.Facts.EduServer;
using Matrix.EventSourced.Facts.FedSender;
using Matrix.EventSourced.Facts.MediaApi;
using Matrix.EventSourced.Facts.PublicRooms;
using Matrix.EventSourced.Facts.Roomserver;
using Matrix.EventSourced.Facts.ServerKeyApi;
using Matrix.EventSourced.Facts.UserApi;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.State;

namespace Matrix.EventSourced.Facts.Tests;

/// <summary>Every fact twice: with everything it can hold, and with nothing but what it must hold. Their bytes are the
/// golden files.</summary>
/// <remarks>A sample never changes: the log may hold what it stands for. A fact that grows an optional member changes
/// its full sample only.</remarks>
internal static partial class Samples
{
    private static readonly RoomId Room = RoomId.Parse("!wZ9pXqLr3tKc7VnB2mJ4sH6dF8gY1aQeUiOoPpLlKk0");
    private static readonly UserId Alice = UserId.Parse("@alice:example.org");
    private static readonly ServerName Other = ServerName.Parse("other.org");
    private static readonly RawJson KeyDocument = RawJson.FromText(
        "{\"old_verify_keys\":{},\"server_name\":\"other.org\",\"valid_until_ts\":1767312000123,\"verify_keys\":{}}");
    private const string Sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    private static readonly MediaId Media = MediaId.Parse("AQwafuaFswefuhsfAFAgsw_-");
    private static readonly RoomAlias Alias = RoomAlias.Parse("#garden:example.org");

    /// <summary>Keyed by file name: the stored name and <c>full</c> or <c>minimal</c>.</summary>
    public static readonly IReadOnlyList<(string File, IFact Fact)> All =
    [
        .. Pair(FactNames.PduRecorded, FullPdu(), MinimalPdu()),
        ($"{FactNames.PduRecorded}.on_heads", PduOnHeads()),
        ($"{FactNames.PduRecorded}.not_erased", PduWithContent()),
        ($"{FactNames.PduRecorded}.not_waited_for", ErasedPdu()),
        ($"{FactNames.PduRecorded}.erased_bare", MinimalPdu() with { Erased = new(null, Event(9)) }),
        .. Pair(
            FactNames.ContentErased,
            new ContentErased(Room, Event(1), Event(2), [17, 4711]),
            new ContentErased(Room, Event(1), Event(2), [1])),
        .. Pair(FactNames.AliasCreated, new AliasCreated(Alias, Room, Alice), new AliasCreated(Alias, Room, Alice)),
        .. Pair(FactNames.AliasDeleted, new AliasDeleted(Alias, Room, Alice), new AliasDeleted(Alias, Room, Alice)),
        .. Pair(
            FactNames.RoomVisibilityChanged,
            new RoomVisibilityChanged(Room, IsPublic: true, Alice),
            new RoomVisibilityChanged(Room, IsPublic: false, Alice)),
        .. Pair(
            FactNames.AccountRegistered,
            new AccountRegistered(Alice, AccountKind.Appservice, IsAdmin: true, "irc"),
            new AccountRegistered(Alice, AccountKind.User, IsAdmin: false)),
        .. Pair(
            FactNames.ProfileChanged,
            new ProfileChanged(Alice, "displayname", RawJson.FromText("\"Alice \\\"Ångström\\\" 🌻\"")),
            new ProfileChanged(Alice, "avatar_url", null)),
        .. Pair(
            FactNames.DeviceCreated,
            new DeviceCreated(Alice, "PHONE", "Alice's phone"),
            new DeviceCreated(Alice, "PHONE", null)),
        .. Pair(
            FactNames.DeviceRenamed,
            new DeviceRenamed(Alice, "PHONE", "Old phone"),
            new DeviceRenamed(Alice, "PHONE", null)),
        .. Pair(FactNames.DeviceDeleted, new DeviceDeleted(Alice, "PHONE"), new DeviceDeleted(Alice, "PHONE")),
        .. Pair(FactNames.RoomForgotten, new RoomForgotten(Alice, Room), new RoomForgotten(Alice, Room)),
        .. Pair(
            FactNames.FilterStored,
            new FilterStored(Alice, "4", RawJson.FromText("{ \"room\": {\"timeline\":{\"limit\":20}} }")),
            new FilterStored(Alice, "0", RawJson.FromText("{}"))),
        .. Pair(
            FactNames.ContentReported,
            new ContentReported(Alice, Room, Event(1), UserId.Parse("@mallory:other.org"), "spam"),
            new ContentReported(Alice)),
        .. Pair(
            FactNames.AccountLocked,
            new AccountLocked(Alice, IsLocked: true),
            new AccountLocked(Alice, IsLocked: false)),
        .. Pair(
            FactNames.AccountSuspended,
            new AccountSuspended(Alice, IsSuspended: true),
            new AccountSuspended(Alice, IsSuspended: false)),
        .. Pair(
            FactNames.PusherSet,
            new PusherSet(Alice, "PHONE", "org.example.app", "key", RawJson.FromText("{\"kind\":\"http\"}")),
            new PusherSet(Alice, "PHONE", "a", "k", RawJson.FromText("{}"))),
        .. Pair(
            FactNames.PusherDeleted,
            new PusherDeleted(Alice, "org.example.app", "key"),
            new PusherDeleted(Alice, "a", "k")),
        .. Pair(
            FactNames.AccountDataSet,
            new AccountDataSet(Alice, Room, "m.tag", RawJson.FromText("{\"tags\":{\"u.work\":{\"order\":0.5}}}")),
            new AccountDataSet(Alice, null, "m.direct", RawJson.FromText("{}"))),
        .. Pair(
            FactNames.AuditPerformed,
            new AuditPerformed(["history", "--room", Room.Value]),
            new AuditPerformed([])),
        .. Pair(FactNames.CredentialsChanged, CredentialsWithLinks(), new CredentialsChanged(Alice, null, [])),
        ($"{FactNames.CredentialsChanged}.not_linked", FullCredentials()),
        .. Pair(
            FactNames.ServerKeysFetched,
            new ServerKeysFetched(Other, KeyDocument, 1_767_225_600_123, ServerName.Parse("notary.org:8448")),
            new ServerKeysFetched(Other, KeyDocument, 1_767_225_600_123)),
        .. Pair(FactNames.TransactionDelivered, new TransactionDelivered(Other, 4711), new TransactionDelivered(Other, 1)),
        .. Pair(
            FactNames.DeliveryFailed,
            new DeliveryFailed(Other, 4700, 4711, 3, 1_767_225_600_123, 1_767_225_608_123, "other.org:8448: refused"),
            new DeliveryFailed(Other, 0, 4711, 1, 1_767_225_600_123, 1_767_225_601_123, "timed out")),
        .. Pair(
            FactNames.TypingChanged,
            new TypingChanged(Room, Alice, IsTyping: true, IsContinued: true, [new Typist(Alice, 1_767_225_630_123)]),
            new TypingChanged(Room, Alice, IsTyping: false, IsContinued: false, [])),
        .. Pair(
            FactNames.ReceiptRecorded,
            new ReceiptRecorded(Room, Alice, "m.read.private", Event(1), "main", 1_767_225_600_123),
            new ReceiptRecorded(Room, Alice, "m.read", Event(1), null, 1_767_225_600_123)),
        .. Pair(
            FactNames.PresenceChanged,
            new PresenceChanged(
                Alice, PresenceState.Online, "in the garden", 1_767_225_600_000, true, 1_767_225_600_123, IsRepeated: true),
            new PresenceChanged(Alice, PresenceState.Offline, null, 1_767_225_600_000, false, 1_767_225_600_123)),
        .. Pair(
            FactNames.ToDeviceSent,
            new ToDeviceSent(
                Alice,
                Alice,
                "m.new_device",
                "0123456789abcdef0123456789abcdef",
                [new DeviceMessage("PHONE", RawJson.FromText("{\"rooms\":[]}")), new DeviceMessage("*", RawJson.FromText("{}"))]),
            new ToDeviceSent(Alice, Alice, "m.dummy", "1", [])),
        .. Pair(
            FactNames.ToDeviceAcknowledged,
            new ToDeviceAcknowledged(Alice, "PHONE", 4711),
            new ToDeviceAcknowledged(Alice, "PHONE", 0)),
        .. KeyServer(),
        .. Pair(
            FactNames.MediaCreated,
            new MediaCreated(Media, Alice, 1_767_312_000_123),
            new MediaCreated(Media, Alice, 1_767_312_000_123)),
        .. Pair(
            FactNames.MediaUploaded,
            new MediaUploaded(Media, Sha256, 4711, "image/png", "garden 🌻.png", Alice, "https://example.org/garden.png"),
            new MediaUploaded(Media, Sha256, 0, "application/octet-stream")),
        .. Pair(
            FactNames.RemoteMediaCached,
            new RemoteMediaCached(Other, Media, Sha256, 4711, "image/png", "garden.png"),
            new RemoteMediaCached(Other, Media, Sha256, 0, "application/octet-stream")),
        .. Pair(
            FactNames.MediaRemoved,
            new MediaRemoved(Media, MediaRemoval.Expired, Other),
            new MediaRemoved(Media, MediaRemoval.Deleted)),
        .. Pair(
            FactNames.MediaQuarantined,
            new MediaQuarantined(Media, IsQuarantined: true, Other),
            new MediaQuarantined(Media, IsQuarantined: false)),
        .. KeyBackupSamples(),
        .. OAuthSamples(),
        .. DelayedEventSamples(),
        .. AppserviceSamples(),
    ];

    public static readonly FactMetadata FullMetadata =
        new("5f0c9a52-0000-4000-8000-000000000001", "req-7", new FactActor(Alice.Value, "PHONE"), 1_767_225_600_123);

    public static readonly FactMetadata MinimalMetadata = new("start", "start", new FactActor(), 0);

    private static (string File, IFact Fact)[] Pair(string name, IFact full, IFact minimal) =>
        [($"{name}.full", full), ($"{name}.minimal", minimal)];

    private static PduRecorded FullPdu() => ErasedPdu() with { RedactedBy = Event(9) };

    /// <summary>As it was written before a redaction could wait for what it redacts.</summary>
    private static PduRecorded ErasedPdu() => PduWithContent() with { Erased = new(Event(8)) };

    /// <summary>As it was written before content could be erased.</summary>
    private static PduRecorded PduWithContent() => PduOnHeads() with
    {
        StateBeforeAdded = [new StateEntry(new StateTuple("m.room.name", ""), Event(5))],
        StateBeforeRemoved = [new StateTuple("m.room.topic", "")],
    };

    /// <summary>As it was written before rooms could fork.</summary>
    private static PduRecorded PduOnHeads() => new()
    {
        RoomId = Room,
        RoomVersion = "12",
        EventId = Event(1),
        Pdu = RawJson.FromText("""
            {"content":{"body":"<b>é</b>","membership":"invite"},"depth":7,"state_key":"@bob:other.org"}
            """),
        Disposition = PduDisposition.SoftFailed,
        Reason = "auth rule 5.4: the sender is not in the room",
        StateAdded =
        [
            new StateEntry(new StateTuple("m.room.member", "@bob:other.org"), Event(1)),
            new StateEntry(new StateTuple("org.example.\"odd\"", "Ω"), Event(2)),
        ],
        StateRemoved = [new StateTuple("m.room.topic", "")],
        ForwardExtremities = [Event(1), Event(3)],
        StateBefore = new StateRoot(1, 2, 3, ulong.MaxValue),
        CurrentState = new StateRoot(0x0123456789ABCDEF, 5, 6, 7),
        Depth = 7,
        RedactsApplied = Event(4),
        StrippedState = RawJson.FromText(
            "[{\"content\":{},\"sender\":\"@alice:example.org\",\"state_key\":\"\",\"type\":\"m.room.name\"}]"),
        DeviceId = "PHONE",
        TransactionId = "m1767225600123.4",
        TransactionScope = "send/m.room.message",
        SendOn = ServerName.Parse("example.org"),
    };

    private static PduRecorded MinimalPdu() => new()
    {
        RoomId = Room,
        RoomVersion = "1",
        EventId = EventId.Parse("$old:example.org"),
        Pdu = RawJson.FromText("{}"),
        Disposition = PduDisposition.Accepted,
        ForwardExtremities = [],
        StateBefore = default,
        CurrentState = default,
        Depth = 0,
    };

    private static CredentialsChanged FullCredentials() => new(
        Alice,
        "$argon2id$v=19$m=65536,t=3,p=1$c2FsdHNhbHQ$aGFzaGhhc2g",
        ImmutableArray.Create(
            new StoredAccessToken(
                "n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg",
                "PHONE",
                1_767_225_600_000,
                1_767_229_200_000,
                "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0",
                "oBnrlhFTzB_RcN8n_ErMnC8EG2i5BzvL8aHpLW3qZf4"),
            new StoredAccessToken("47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU", "LAPTOP", 1_767_225_600_001)),
        IsDeactivated: true);

    private static EventId Event(int number) => EventId.Parse($"${number:D43}");
}
