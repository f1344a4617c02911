namespace Matrix.EventSourced.Facts.Schema;

internal static class RemoteDeviceFactRows
{
    private static readonly FactField User = new("user_id", "user id", "A user of another server.");

    public static readonly IReadOnlyList<FactDescription> Rows =
    [
        FactDescription.Of(
            FactNames.RemoteDeviceListFetched,
            StreamCategories.RemoteDevices,
            FactJson.Context.RemoteDeviceListFetched,
            "The whole device list of another server's user came.",
            "Replace everything; from here on updates are applied to it.",
            User,
            new("stream_id", "integer", "The last update that the list holds."),
            new("devices", "array of `{device_id, display_name, keys}`", "The devices."),
            new("master_key", "object?", "The master key."),
            new("self_signing_key", "object?", "The self-signing key."),
            new("is_news", "boolean?", "Clients have to ask again.")),
        FactDescription.Of(
            FactNames.RemoteDeviceUpdated,
            StreamCategories.RemoteDevices,
            FactJson.Context.RemoteDeviceUpdated,
            "One device of another server's user changed.",
            "Replace the device.",
            User,
            new("stream_id", "integer", "The update."),
            new("device_id", "string", "The device."),
            new("display_name", "string?", "What its user calls it."),
            new("keys", "object?", "Its keys."),
            new("is_deleted", "boolean?", "The device is gone.")),
        FactDescription.Of(
            FactNames.RemoteSigningKeysUpdated,
            StreamCategories.RemoteDevices,
            FactJson.Context.RemoteSigningKeysUpdated,
            "Another server's user has other cross-signing keys.",
            "Replace those that are given.",
            User,
            new("master_key", "object?", "The master key."),
            new("self_signing_key", "object?", "The self-signing key.")),
        FactDescription.Of(
            FactNames.RemoteDeviceListOutdated,
            StreamCategories.RemoteDevices,
            FactJson.Context.RemoteDeviceListOutdated,
            "An update came that does not fit what is known of the devices of another server's user.",
            "What is known is not shown any more; the list has to be fetched.",
            User),
        FactDescription.Of(
            FactNames.RemoteDeviceListForgotten,
            StreamCategories.RemoteDevices,
            FactJson.Context.RemoteDeviceListForgotten,
            "Nobody here shares a room with another server's user any more.",
            "Forget what is known of the devices.",
            User),
    ];
}
