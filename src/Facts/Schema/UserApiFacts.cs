namespace Matrix.EventSourced.Facts.Schema;

internal static class UserApiFacts
{
    private static readonly FactField UserId = new("user_id", "user id", "The account.");
    private static readonly FactField DeviceId = new("device_id", "string", "The device, unique within its account.");

    public static readonly IReadOnlyList<FactDescription> Rows =
    [
        FactDescription.Of(
            FactNames.AccountRegistered,
            StreamCategories.User,
            FactJson.Context.AccountRegistered,
            "An account exists. The first fact of its stream.",
            "The user id is taken for good, even when the account is deactivated later.",
            UserId,
            new("kind", "`user`, `guest`, `appservice`?", "What kind of account it is; absent means `user`."),
            new("is_admin", "boolean?", "Whether it administrates this server; absent means false."),
            new("appservice_id", "string?", "The application service that owns it.")),
        FactDescription.Of(
            FactNames.ProfileChanged,
            StreamCategories.User,
            FactJson.Context.ProfileChanged,
            "A profile field has a new value, or none.",
            "Replace the field; remove it when there is no value.",
            UserId,
            new("field", "string", "`displayname`, `avatar_url` or a custom key."),
            new("value", "any JSON?", "The value; absent removes the field.")),
        FactDescription.Of(
            FactNames.DeviceCreated,
            StreamCategories.User,
            FactJson.Context.DeviceCreated,
            "A device exists.",
            "Add the device. Its token, if it has one, stands in the account's credentials.",
            UserId,
            DeviceId,
            new("display_name", "string?", "Its name.")),
        FactDescription.Of(
            FactNames.DeviceRenamed,
            StreamCategories.User,
            FactJson.Context.DeviceRenamed,
            "A device has another name.",
            "Replace the name; remove it when there is none.",
            UserId,
            DeviceId,
            new("display_name", "string?", "The new name; absent removes it.")),
        FactDescription.Of(
            FactNames.DeviceDeleted,
            StreamCategories.User,
            FactJson.Context.DeviceDeleted,
            "A device is gone, and its token with it.",
            "Remove the device and everything that belongs to it alone.",
            UserId,
            DeviceId),
        FactDescription.Of(
            FactNames.RoomForgotten,
            StreamCategories.User,
            FactJson.Context.RoomForgotten,
            "A user forgot a room that they had left.",
            "Stop showing the room to the user, until they are invited or join again.",
            UserId,
            new("room_id", "room id", "The room.")),
        FactDescription.Of(
            FactNames.FilterStored,
            StreamCategories.User,
            FactJson.Context.FilterStored,
            "A filter was stored.",
            "Answer the filter verbatim, to its owner only.",
            UserId,
            new("filter_id", "string", "Its id, unique within the account."),
            new("filter", "object", "The filter, verbatim.")),
        FactDescription.Of(
            FactNames.ContentReported,
            StreamCategories.Reports,
            FactJson.Context.ContentReported,
            "A user reported an event, a room or a user.",
            "Show it to administrators, and to nobody else.",
            new("reporter", "user id", "Who reported."),
            new("room_id", "room id?", "The room that was reported, or the room of the event."),
            new("event_id", "event id?", "The event that was reported."),
            new("reported_user", "user id?", "The user who was reported."),
            new("reason", "string?", "Why.")),
        FactDescription.Of(
            FactNames.AccountLocked,
            StreamCategories.User,
            FactJson.Context.AccountLocked,
            "An administrator locked an account, or unlocked it.",
            "Refuse the account's requests but for logging out; keep its tokens.",
            UserId,
            new("is_locked", "boolean?", "Whether it is locked from now on; absent means false.")),
        FactDescription.Of(
            FactNames.AccountSuspended,
            StreamCategories.User,
            FactJson.Context.AccountSuspended,
            "An administrator suspended an account, or ended that.",
            "Refuse what a suspended account may not do.",
            UserId,
            new("is_suspended", "boolean?", "Whether it is suspended from now on; absent means false.")),
        FactDescription.Of(
            FactNames.PusherSet,
            StreamCategories.User,
            FactJson.Context.PusherSet,
            "A pusher is there, or is another than before.",
            "Replace the pusher of this app and key. It goes with its device.",
            UserId,
            DeviceId,
            new("app_id", "string", "The app; with the key unique within the account."),
            new("push_key", "string", "Where the app's push provider reaches the device."),
            new("pusher", "object", "The pusher as its user sees it.")),
        FactDescription.Of(
            FactNames.PusherDeleted,
            StreamCategories.User,
            FactJson.Context.PusherDeleted,
            "A pusher is gone.",
            "Send nothing to it any more.",
            UserId,
            new("app_id", "string", "The app."),
            new("push_key", "string", "The key.")),
        FactDescription.Of(
            FactNames.AccountDataSet,
            StreamCategories.AccountData,
            FactJson.Context.AccountDataSet,
            "Account data of a type was set.",
            "Replace what the user has under this room and type, and show it to all their devices.",
            UserId,
            new("room_id", "room id?", "The room it belongs to; absent means global."),
            new("type", "string", "Its type."),
            new("content", "object", "The content, verbatim.")),
        FactDescription.Of(
            FactNames.CredentialsChanged,
            StreamCategories.Credentials,
            FactJson.Context.CredentialsChanged,
            "All that lets a user in, as it now is. The stream keeps only its last record.",
            "Replace everything known before: a token that is not listed lets nobody in.",
            UserId,
            new("password_hash", "string?", "Argon2id string; absent where the account has no password."),
            new(
                "access_tokens",
                "array of `{token_sha256, device_id, issued_at_ms, expires_at_ms?, refresh_sha256?, "
                + "previous_refresh_sha256?, client_id?, grant_sha256?}`",
                "The tokens, as unpadded URL-safe base64 of their SHA-256; times in Unix milliseconds. Beside a token "
                + "the refresh token that replaces it, and the one that it came from until either is used; for sessions of "
                + "the OAuth API the client, and the SHA-256 of what their refresh tokens begin with."),
            new("is_deactivated", "boolean?", "Whether the account is closed for good; absent means false."),
            new("upstream_links", "array of `{provider_id, subject}`?", "Who gets in through an identity provider.")),
    ];
}
