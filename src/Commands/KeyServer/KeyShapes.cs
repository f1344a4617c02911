using System.Text.Json;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.KeyServer;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Commands.KeyServer;

/// <summary>What keys must look like, wherever they come from.</summary>
/// <remarks>Requires: what is looked at has a canonical form.</remarks>
public static class KeyShapes
{
    /// <summary>What is wrong with the keys of a device, or null.</summary>
    /// <remarks>Spec: v1.19 client-server-api #device-keys. Signatures are for clients to check.</remarks>
    public static MatrixError? FindProblem(JsonElement keys, UserId user, string deviceId)
    {
        if (keys.ValueKind != JsonValueKind.Object)
            return MatrixError.BadJson("device_keys must be an object.");
        if (!IsText(keys, "user_id"u8, user.Value))
            return MatrixError.InvalidParam("user_id of device_keys must be the user of the access token.");
        if (!IsText(keys, "device_id"u8, deviceId))
            return MatrixError.InvalidParam("device_id of device_keys must be the device of the access token.");
        if (!keys.TryGetProperty("algorithms"u8, out var algorithms)
            || algorithms.ValueKind != JsonValueKind.Array
            || algorithms.EnumerateArray().Any(one => one.ValueKind != JsonValueKind.String))
        {
            return MatrixError.BadJson("algorithms of device_keys must be a list of strings.");
        }
        if (!keys.TryGetProperty("keys"u8, out var members) || !IsMapOfTexts(members))
            return MatrixError.BadJson("keys of device_keys must map names to keys.");
        if (!keys.TryGetProperty("signatures"u8, out var signatures) || !AreSignatures(signatures))
            return MatrixError.BadJson("signatures of device_keys must map users to signatures by key.");
        return System.Runtime.InteropServices.JsonMarshal.GetRawUtf8Value(keys).Length > Limits.KeyObjectBytesMax
            ? MatrixError.TooLarge($"Keys of a device may be at most {Limits.KeyObjectBytesMax} bytes large.")
            : null;
    }

    /// <summary>What is wrong with a cross-signing key, or null.</summary>
    /// <param name="key">The key.</param>
    /// <param name="user">Whose it must be.</param>
    /// <param name="usage"><c>master</c>, <c>self_signing</c> or <c>user_signing</c>.</param>
    /// <remarks>Spec: v1.19 client-server-api #cross-signing.</remarks>
    public static MatrixError? FindProblem(JsonElement key, UserId user, ReadOnlySpan<byte> usage)
    {
        var word = System.Text.Encoding.UTF8.GetString(usage);
        if (key.ValueKind != JsonValueKind.Object)
            return MatrixError.BadJson($"The {word} key must be an object.");
        if (!IsText(key, "user_id"u8, user.Value))
            return MatrixError.InvalidParam($"user_id of the {word} key must be its user.");
        if (!key.TryGetProperty("usage"u8, out var usages) || usages.ValueKind != JsonValueKind.Array
            || !Holds(usages, usage))
        {
            return MatrixError.InvalidParam($"usage of the {word} key must hold \"{word}\".");
        }
        if (KeyJson.PublicKeyOf(key) is null)
            return MatrixError.InvalidParam(
                $"keys of the {word} key must hold one Ed25519 key, named ed25519: and the key.");
        if (key.TryGetProperty("signatures"u8, out var signatures) && !AreSignatures(signatures))
            return MatrixError.BadJson($"signatures of the {word} key must map users to signatures by key.");
        return System.Runtime.InteropServices.JsonMarshal.GetRawUtf8Value(key).Length > Limits.KeyObjectBytesMax
            ? MatrixError.TooLarge($"A cross-signing key may be at most {Limits.KeyObjectBytesMax} bytes large.")
            : null;
    }

    /// <summary>Reads one-time or fallback keys. Spec: v1.19 client-server-api #one-time-and-fallback-keys.</summary>
    public static MatrixError? Read(JsonElement keys, string name, List<OneTimeKey> found)
    {
        if (keys.ValueKind != JsonValueKind.Object)
            return MatrixError.BadJson($"{name} must be an object.");
        foreach (var key in keys.EnumerateObject())
        {
            if (!KeyJson.IsKeyId(key.Name))
                return MatrixError.InvalidParam($"{name} must be named by algorithm and id, such as curve25519:AAAA.");
            if (key.Value.ValueKind is not (JsonValueKind.String or JsonValueKind.Object))
                return MatrixError.BadJson($"{name} must hold keys: strings or objects.");
            if (key.Value.ValueKind == JsonValueKind.Object
                && (!key.Value.TryGetProperty("key"u8, out var text) || text.ValueKind != JsonValueKind.String
                    || (key.Value.TryGetProperty("signatures"u8, out var signatures) && !AreSignatures(signatures))))
            {
                return MatrixError.BadJson($"{name} must hold objects with a key and signatures.");
            }
            if (System.Runtime.InteropServices.JsonMarshal.GetRawUtf8Value(key.Value).Length
                > Limits.OneTimeKeyBytesMax)
            {
                return MatrixError.TooLarge($"A one-time key may be at most {Limits.OneTimeKeyBytesMax} bytes large.");
            }
            found.Add(new(key.Name, KeyJson.Keep(key.Value)));
        }
        return null;
    }

    public static bool AreSignatures(JsonElement signatures) =>
        signatures.ValueKind == JsonValueKind.Object
        && signatures.EnumerateObject().All(user => IsMapOfTexts(user.Value));

    private static bool IsMapOfTexts(JsonElement map) =>
        map.ValueKind == JsonValueKind.Object
        && map.EnumerateObject().All(member => member.Value.ValueKind == JsonValueKind.String);

    private static bool Holds(JsonElement list, ReadOnlySpan<byte> text)
    {
        foreach (var one in list.EnumerateArray())
        {
            if (one.ValueKind == JsonValueKind.String && one.ValueEquals(text))
                return true;
        }
        return false;
    }

    private static bool IsText(JsonElement obj, ReadOnlySpan<byte> member, string text) =>
        obj.TryGetProperty(member, out var value) && value.ValueKind == JsonValueKind.String
        && value.ValueEquals(text);
}
