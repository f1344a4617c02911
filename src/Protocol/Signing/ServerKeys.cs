using System.Runtime.InteropServices;
using System.Text.Json;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Json;

namespace Matrix.EventSourced.Protocol.Signing;

/// <summary>The keys that a server says it has, as it publishes them.</summary>
/// <remarks>
/// Spec: v1.19 server-server-api #publishing-keys; rooms/v5 #signing-key-validity-period.
/// Shape: KeyIdToKey, the keys it signs with now; KeyIdToOldKey, those it has stopped to use. Only Ed25519 keys are
/// kept; others are nothing that anybody could verify. Units: ValidUntilTs, Unix milliseconds.
/// Errors: Refused(M_BAD_JSON) for what is no key object, or has no signature with one of its own current keys
/// that holds.
/// </remarks>
public sealed record ServerKeys(
    ServerName Server,
    IReadOnlyDictionary<KeyId, VerifyKey> KeyIdToKey,
    IReadOnlyDictionary<KeyId, VerifyKey> KeyIdToOldKey,
    long ValidUntilTs)
{
    private const int PublicKeyBytes = 32;

    /// <summary>Reads a key object, from its server or through a notary, and checks its own signatures.</summary>
    /// <param name="json">The object.</param>
    /// <param name="server">Whose keys were asked for.</param>
    public static ServerKeysResult Read(JsonElement json, ServerName server)
    {
        if (json.ValueKind != JsonValueKind.Object)
            return Refuse("it is no object");
        if (!CanonicalJson.TryCanonicalise(JsonMarshal.GetRawUtf8Value(json), out var canonical, out var fault))
            return Refuse(fault);
        // From here on there is no key twice and no half surrogate.
        json = JsonElement.Parse(canonical, new JsonDocumentOptions { MaxDepth = Limits.JsonDepthMax });
        if (!json.TryGetProperty("server_name"u8, out var name) || name.ValueKind != JsonValueKind.String
            || name.GetString() != server.Value)
        {
            return Refuse("server_name is another");
        }
        if (!TryReadInteger(json, "valid_until_ts"u8, out var validUntilTs))
            return Refuse("valid_until_ts is no integer");
        if (ReadKeys(json, "verify_keys"u8, isOld: false) is not { } keys)
            return Refuse("verify_keys are malformed");
        if (ReadKeys(json, "old_verify_keys"u8, isOld: true) is not { } oldKeys)
            return Refuse("old_verify_keys are malformed");
        if (keys.Count == 0)
            return Refuse("it has no key that we know how to use");
        if (!keys.Any(entry => JsonSigning.Verify(json, server, entry.Key, entry.Value.PublicKey.Span)))
            return Refuse("none of its own keys signs it");
        return new ServerKeysResult.Read(new ServerKeys(server, keys, oldKeys, validUntilTs));
    }

    /// <summary>The key that verifies a signature in a PDU, or null if none does.</summary>
    /// <param name="keyId">The key's name.</param>
    /// <param name="originServerTs">What the PDU claims, Unix milliseconds.</param>
    /// <param name="enforcesValidity">From room version 5: the list must be valid at that time.</param>
    /// <param name="nowMs">Now: nothing is valid for more than a week from here, whatever the list says.</param>
    /// <remarks>A key that is known to have expired before the PDU verifies nothing in any version.</remarks>
    public VerifyKey? FindForPdu(KeyId keyId, long originServerTs, bool enforcesValidity, long nowMs)
    {
        if (KeyIdToKey.TryGetValue(keyId, out var key))
            return !enforcesValidity || originServerTs <= ValidUntil(nowMs) ? key : null;
        return KeyIdToOldKey.TryGetValue(keyId, out var old) && originServerTs <= old.ExpiredTs ? old : null;
    }

    /// <summary>The key that verifies a request made now, or null: old keys and lists out of date do not.</summary>
    public VerifyKey? FindForRequest(KeyId keyId, long nowMs) =>
        KeyIdToKey.TryGetValue(keyId, out var key) && nowMs <= ValidUntil(nowMs) ? key : null;

    /// <summary>Until when the list counts: what it says, or a week from now if that comes first.</summary>
    public long ValidUntil(long nowMs) =>
        Math.Min(ValidUntilTs, nowMs + (long)Limits.KeyValidityMax.TotalMilliseconds);

    private static Dictionary<KeyId, VerifyKey>? ReadKeys(JsonElement json, ReadOnlySpan<byte> member, bool isOld)
    {
        var keyIdToKey = new Dictionary<KeyId, VerifyKey>();
        if (!json.TryGetProperty(member, out var keys))
            return isOld ? keyIdToKey : null;
        if (keys.ValueKind != JsonValueKind.Object)
            return null;
        foreach (var entry in keys.EnumerateObject())
        {
            if (!KeyId.TryParse(entry.Name, out var keyId) || !keyId.IsEd25519)
                continue;
            if (keyIdToKey.Count == Limits.ServerKeysMax || ReadKey(entry.Value, keyId, isOld) is not { } key)
                return null;
            keyIdToKey.Add(keyId, key);
        }
        return keyIdToKey;
    }

    private static VerifyKey? ReadKey(JsonElement json, KeyId keyId, bool isOld)
    {
        long expiredTs = 0;
        if (json.ValueKind != JsonValueKind.Object
            || !json.TryGetProperty("key"u8, out var text) || text.ValueKind != JsonValueKind.String
            || (isOld && !TryReadInteger(json, "expired_ts"u8, out expiredTs)))
        {
            return null;
        }
        var publicKey = new byte[PublicKeyBytes];
        return UnpaddedBase64.TryDecodeExact(text.GetString(), publicKey)
            ? new VerifyKey(keyId, publicKey, isOld ? expiredTs : null)
            : null;
    }

    private static bool TryReadInteger(JsonElement json, ReadOnlySpan<byte> member, out long value)
    {
        value = 0;
        return json.TryGetProperty(member, out var number) && number.ValueKind == JsonValueKind.Number
            && number.TryGetInt64(out value) && Math.Max(value, 0) == value;
    }

    private static ServerKeysResult.Refused Refuse(string problem) =>
        new(MatrixError.BadJson($"The server's keys are malformed: {problem}."));
}

/// <summary>One public key of a server.</summary>
/// <remarks>Units: ExpiredTs, Unix milliseconds; null while the key is in use.</remarks>
public sealed record VerifyKey(KeyId KeyId, ReadOnlyMemory<byte> PublicKey, long? ExpiredTs);

/// <summary>What became of a key object.</summary>
/// <remarks>Shape: closed, one of the two.</remarks>
public abstract record ServerKeysResult
{
    private ServerKeysResult()
    {
    }

    /// <summary>The keys; one of the current ones has signed them.</summary>
    public sealed record Read(ServerKeys Keys) : ServerKeysResult;

    /// <summary>Nobody's keys.</summary>
    public sealed record Refused(MatrixError Error) : ServerKeysResult;
}
