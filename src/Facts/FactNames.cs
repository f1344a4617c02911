namespace Matrix.EventSourced.Facts;

/// <summary>The stored names. A name never changes its meaning; a new shape is a new version with an
/// upcaster.</summary>
public static class FactNames
{
    public const string PduRecorded = "roomserver.pdu_recorded.v1";
    public const string ContentErased = "roomserver.content_erased.v1";
    public const string AliasCreated = "roomserver.alias_created.v1";
    public const string AliasDeleted = "roomserver.alias_deleted.v1";
    public const string RoomVisibilityChanged = "publicrooms.visibility_changed.v1";
    public const string AccountRegistered = "userapi.account_registered.v1";
    public const string ProfileChanged = "userapi.profile_changed.v1";
    public const string DeviceCreated = "userapi.device_created.v1";
    public const string DeviceRenamed = "userapi.device_renamed.v1";
    public const string DeviceDeleted = "userapi.device_deleted.v1";
    public const string RoomForgotten = "userapi.room_forgotten.v1";
    public const string FilterStored = "userapi.filter_stored.v1";
    public const string ContentReported = "userapi.content_reported.v1";
    public const string AccountLocked = "userapi.account_locked.v1";
    public const string AccountSuspended = "userapi.account_suspended.v1";
    public const string PusherSet = "userapi.pusher_set.v1";
    public const string PusherDeleted = "userapi.pusher_deleted.v1";
    public const string AccountDataSet = "userapi.account_data_set.v1";
    public const string AuditPerformed = "audit.performed.v1";
    public const string CredentialsChanged = "userapi.credentials_changed.v1";
    public const string ServerKeysFetched = "serverkeyapi.keys_fetched.v1";
    public const string TransactionDelivered = "fedsender.transaction_delivered.v1";
    public const string DeliveryFailed = "fedsender.delivery_failed.v1";
    public const string TypingChanged = "eduserver.typing_changed.v1";
    public const string ReceiptRecorded = "eduserver.receipt_recorded.v1";
    public const string PresenceChanged = "eduserver.presence_changed.v1";
    public const string ToDeviceSent = "eduserver.to_device_sent.v1";
    public const string ToDeviceAcknowledged = "eduserver.to_device_acknowledged.v1";
    public const string DeviceListUpdated = "keyserver.device_list_updated.v1";
    public const string CrossSigningKeysChanged = "keyserver.cross_signing_keys_changed.v1";
    public const string MasterKeySigned = "keyserver.master_key_signed.v1";
    public const string OneTimeKeysAdded = "keyserver.one_time_keys_added.v1";
    public const string OneTimeKeyClaimed = "keyserver.one_time_key_claimed.v1";
    public const string FallbackKeysSet = "keyserver.fallback_keys_set.v1";
    public const string FallbackKeyUsed = "keyserver.fallback_key_used.v1";
    public const string OneTimeKeysKept = "keyserver.one_time_keys_kept.v1";
    public const string RemoteDeviceListFetched = "keyserver.remote_device_list_fetched.v1";
    public const string RemoteDeviceUpdated = "keyserver.remote_device_updated.v1";
    public const string RemoteSigningKeysUpdated = "keyserver.remote_signing_keys_updated.v1";
    public const string RemoteDeviceListOutdated = "keyserver.remote_device_list_outdated.v1";
    public const string RemoteDeviceListForgotten = "keyserver.remote_device_list_forgotten.v1";
    public const string MediaCreated = "mediaapi.media_created.v1";
    public const string MediaUploaded = "mediaapi.media_uploaded.v1";
    public const string RemoteMediaCached = "mediaapi.remote_media_cached.v1";
    public const string MediaRemoved = "mediaapi.media_removed.v1";
    public const string MediaQuarantined = "mediaapi.media_quarantined.v1";
    public const string AppserviceTransactionBegun = "appservice.transaction_begun.v1";
    public const string AppserviceTransactionDelivered = "appservice.transaction_delivered.v1";
    public const string AppserviceDeliveryFailed = "appservice.delivery_failed.v1";
    public const string NetworkListingChanged = "publicrooms.network_listing_changed.v1";
    public const string KeyBackupCreated = "keyserver.backup_created.v1";
    public const string KeyBackupChanged = "keyserver.backup_changed.v1";
    public const string KeyBackupDeleted = "keyserver.backup_deleted.v1";
    public const string BackupKeysStored = "keyserver.backup_keys_stored.v1";
    public const string BackupKeysDeleted = "keyserver.backup_keys_deleted.v1";

    public const string OAuthClientRegistered = "userapi.oauth_client_registered.v1";
    public const string OAuthCodeIssued = "userapi.oauth_code_issued.v1";
    public const string OAuthCodeRedeemed = "userapi.oauth_code_redeemed.v1";
    public const string OAuthDeviceRequested = "userapi.oauth_device_requested.v1";
    public const string OAuthDeviceDecided = "userapi.oauth_device_decided.v1";
    public const string OAuthDeviceRedeemed = "userapi.oauth_device_redeemed.v1";
    public const string DelayedEventChanged = "delayedevents.changed.v1";
    public const string UpstreamLinked = "userapi.upstream_linked.v1";
}
