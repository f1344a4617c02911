using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Matrix.EventSourced.Facts.AppService;
using Matrix.EventSourced.Facts.Audit;
using Matrix.EventSourced.Facts.DelayedEvents;
using Matrix.EventSourced.Facts.EduServer;
using Matrix.EventSourced.Facts.FedSender;
using Matrix.EventSourced.Facts.KeyServer;
using Matrix.EventSourced.Facts.MediaApi;
using Matrix.EventSourced.Facts.KeyServer.KeyBackup;
using Matrix.EventSourced.Facts.PublicRooms;
using Matrix.EventSourced.Facts.Roomserver;
using Matrix.EventSourced.Facts.ServerKeyApi;
using Matrix.EventSourced.Facts.UserApi;
using Matrix.EventSourced.Protocol;

namespace Matrix.EventSourced.Facts;

/// <summary>How facts look in the log: snake_case, members with the default value left out, enumerations by
/// name.</summary>
/// <remarks><see cref="PduRecorded"/> is not here: it is hot and has a writer and a reader of its own.</remarks>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingDefault,
    Converters = [typeof(AccountKindConverter), typeof(PresenceStateConverter), typeof(MediaRemovalConverter)])]
[JsonSerializable(typeof(ContentErased))]
[JsonSerializable(typeof(AliasCreated))]
[JsonSerializable(typeof(AliasDeleted))]
[JsonSerializable(typeof(RoomVisibilityChanged))]
[JsonSerializable(typeof(AccountRegistered))]
[JsonSerializable(typeof(ProfileChanged))]
[JsonSerializable(typeof(DeviceCreated))]
[JsonSerializable(typeof(DeviceRenamed))]
[JsonSerializable(typeof(DeviceDeleted))]
[JsonSerializable(typeof(RoomForgotten))]
[JsonSerializable(typeof(FilterStored))]
[JsonSerializable(typeof(ContentReported))]
[JsonSerializable(typeof(AccountLocked))]
[JsonSerializable(typeof(AccountSuspended))]
[JsonSerializable(typeof(PusherSet))]
[JsonSerializable(typeof(PusherDeleted))]
[JsonSerializable(typeof(AccountDataSet))]
[JsonSerializable(typeof(AuditPerformed))]
[JsonSerializable(typeof(CredentialsChanged))]
[JsonSerializable(typeof(ServerKeysFetched))]
[JsonSerializable(typeof(TransactionDelivered))]
[JsonSerializable(typeof(DeliveryFailed))]
[JsonSerializable(typeof(TypingChanged))]
[JsonSerializable(typeof(ReceiptRecorded))]
[JsonSerializable(typeof(PresenceChanged))]
[JsonSerializable(typeof(ToDeviceSent))]
[JsonSerializable(typeof(ToDeviceAcknowledged))]
[JsonSerializable(typeof(DeviceListUpdated))]
[JsonSerializable(typeof(CrossSigningKeysChanged))]
[JsonSerializable(typeof(MasterKeySigned))]
[JsonSerializable(typeof(OneTimeKeysAdded))]
[JsonSerializable(typeof(OneTimeKeyClaimed))]
[JsonSerializable(typeof(FallbackKeysSet))]
[JsonSerializable(typeof(FallbackKeyUsed))]
[JsonSerializable(typeof(OneTimeKeysKept))]
[JsonSerializable(typeof(RemoteDeviceListFetched))]
[JsonSerializable(typeof(RemoteDeviceUpdated))]
[JsonSerializable(typeof(RemoteSigningKeysUpdated))]
[JsonSerializable(typeof(RemoteDeviceListOutdated))]
[JsonSerializable(typeof(RemoteDeviceListForgotten))]
[JsonSerializable(typeof(MediaCreated))]
[JsonSerializable(typeof(MediaUploaded))]
[JsonSerializable(typeof(RemoteMediaCached))]
[JsonSerializable(typeof(MediaRemoved))]
[JsonSerializable(typeof(MediaQuarantined))]
[JsonSerializable(typeof(AppserviceTransactionBegun))]
[JsonSerializable(typeof(AppserviceTransactionDelivered))]
[JsonSerializable(typeof(AppserviceDeliveryFailed))]
[JsonSerializable(typeof(NetworkListingChanged))]
[JsonSerializable(typeof(KeyBackupCreated))]
[JsonSerializable(typeof(KeyBackupChanged))]
[JsonSerializable(typeof(KeyBackupDeleted))]
[JsonSerializable(typeof(BackupKeysStored))]
[JsonSerializable(typeof(BackupKeysDeleted))]
[JsonSerializable(typeof(OAuthClientRegistered))]
[JsonSerializable(typeof(OAuthCodeIssued))]
[JsonSerializable(typeof(OAuthCodeRedeemed))]
[JsonSerializable(typeof(OAuthDeviceRequested))]
[JsonSerializable(typeof(OAuthDeviceDecided))]
[JsonSerializable(typeof(OAuthDeviceRedeemed))]
[JsonSerializable(typeof(UpstreamLinked))]
[JsonSerializable(typeof(DelayedEventChanged))]
internal sealed partial class FactJsonContext : JsonSerializerContext;

/// <summary>The settings with which facts are written and read.</summary>
internal static class FactJson
{
    /// <summary>LIMIT: nesting of a stored fact: what it carries may be as deep as any JSON that we read, plus the fact
    /// around it.</summary>
    public const int DepthMax = Limits.JsonDepthMax + 8;

    /// <summary>The one instance. It escapes only what JSON must escape, so that a log can be read by eye.</summary>
    public static readonly FactJsonContext Context = new(new JsonSerializerOptions(FactJsonContext.Default.Options)
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        MaxDepth = DepthMax,
    });
}

internal sealed class AccountKindConverter(
    ) : JsonStringEnumConverter<AccountKind>(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false);

internal sealed class PresenceStateConverter(
    ) : JsonStringEnumConverter<PresenceState>(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false);

internal sealed class MediaRemovalConverter(
    ) : JsonStringEnumConverter<MediaRemoval>(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false);
