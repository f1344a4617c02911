namespace Matrix.EventSourced.Facts.Schema;

internal static class KeyServerFactRows
{
    private const string SupplyShape = "`{counts: [{algorithm, count}], unused_fallback: [algorithm]}`";

    private static readonly FactField User = new("user_id", "user id", "Whose device.");

    private static readonly FactField Device = new("device_id", "string", "The device.");

    private static readonly FactField Supply = new("supply", SupplyShape, "What the device has left after it.");

    public static readonly IReadOnlyList<FactDescription> Rows =
    [
        FactDescription.Of(
            FactNames.DeviceListUpdated,
            StreamCategories.DeviceKeys,
            FactJson.Context.DeviceListUpdated,
            "A device is new, gone, has another name, other keys or more signatures.",
            "Replace the device. Whoever shares a room with the user has to ask for its keys again.",
            User,
            Device,
            new("stream_id", "integer", "Counts the updates of the user's devices."),
            new("prev_id", "integer?", "The update before it; absent for the first."),
            new("display_name", "string?", "What its user calls it."),
            new("keys", "object?", "Its keys with the signatures that everybody may see; absent while it has none."),
            new("is_deleted", "boolean?", "The device is gone."),
            new("is_repeated", "boolean?", "Nothing changed; it is said again for servers that are new in a room.")),
        FactDescription.Of(
            FactNames.CrossSigningKeysChanged,
            StreamCategories.DeviceKeys,
            FactJson.Context.CrossSigningKeysChanged,
            "A user has other cross-signing keys, or more signatures on them.",
            "Replace all three.",
            new("user_id", "user id", "Whose keys."),
            new("master_key", "object?", "The master key."),
            new("self_signing_key", "object?", "The self-signing key."),
            new("user_signing_key", "object?", "The user-signing key, which nobody but its user sees."),
            new("is_private", "boolean?", "Only the user-signing key changed.")),
        FactDescription.Of(
            FactNames.MasterKeySigned,
            StreamCategories.DeviceKeys,
            FactJson.Context.MasterKeySigned,
            "A user signed another user's master key.",
            "Add the signature to that key, for the signer alone.",
            new("signer", "user id", "Who signed."),
            new("user_id", "user id", "Whose master key."),
            new("public_key", "string", "The master key, unpadded base64."),
            new("signing_key_id", "string", "The key that signed."),
            new("signature", "string", "The signature.")),
        FactDescription.Of(
            FactNames.OneTimeKeysAdded,
            StreamCategories.OneTimeKeys,
            FactJson.Context.OneTimeKeysAdded,
            "A device uploaded one-time keys.",
            "Replace the supply.",
            User,
            Device,
            new("keys", "array of `{key_id, key}`", "The new keys, in the order in which they are given out."),
            Supply),
        FactDescription.Of(
            FactNames.OneTimeKeyClaimed,
            StreamCategories.OneTimeKeys,
            FactJson.Context.OneTimeKeyClaimed,
            "A one-time key was given out, for good.",
            "Replace the supply.",
            User,
            Device,
            new("key_id", "string", "The key."),
            Supply),
        FactDescription.Of(
            FactNames.FallbackKeysSet,
            StreamCategories.OneTimeKeys,
            FactJson.Context.FallbackKeysSet,
            "A device uploaded fallback keys.",
            "Replace the supply.",
            User,
            Device,
            new("keys", "array of `{key_id, key}`", "The keys; each replaces the one of its algorithm."),
            Supply),
        FactDescription.Of(
            FactNames.FallbackKeyUsed,
            StreamCategories.OneTimeKeys,
            FactJson.Context.FallbackKeyUsed,
            "A fallback key was given out for the first time.",
            "Replace the supply.",
            User,
            Device,
            new("key_id", "string", "The key."),
            Supply),
        FactDescription.Of(
            FactNames.OneTimeKeysKept,
            StreamCategories.OneTimeKeys,
            FactJson.Context.OneTimeKeysKept,
            "All keys that a device has; what stands before it in the stream is cut off.",
            "Replace the supply.",
            User,
            Device,
            new("keys", "array of `{key_id, key}`", "The one-time keys, in the order in which they are given out."),
            new("fallback", "array of `{key_id, key, is_used}`", "The fallback keys."),
            Supply),
        .. RemoteDeviceFactRows.Rows,
    ];
}
