using System.Buffers;
using System.Text;
using System.Text.Json;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Json;
using Matrix.EventSourced.Protocol.Signing;

namespace Matrix.EventSourced.Commands.KeyServer;

/// <summary>Key objects as JSON: what they say, and their signatures.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #key-algorithms, appendices #signing-json.
/// Shape: RawJson here is canonical, so the same object has the same bytes. Errors: none; what is malformed is null,
/// or does not verify.
/// </remarks>
public static class KeyJson
{
    private const string Ed25519Prefix = "ed25519:";
    private const int PublicKeyBytes = 32;
    private const int SignatureBytes = 64;

    private static readonly JsonDocumentOptions Depth = new() { MaxDepth = Limits.JsonDepthMax };

    /// <summary>The algorithm only; names of users' keys are no names of servers' keys.</summary>
    private static readonly KeyId AnyEd25519 = KeyId.Parse("ed25519:1");

    /// <summary>The canonical form, without <c>unsigned</c>. Requires: the value has a canonical form.</summary>
    public static RawJson Keep(JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.Object || !value.TryGetProperty("unsigned"u8, out _))
            return new(CanonicalJson.Canonicalise(value));
        return Write(json =>
        {
            foreach (var member in value.EnumerateObject())
            {
                if (!member.NameEquals("unsigned"u8))
                    member.WriteTo(json);
            }
        });
    }

    public static JsonElement Parse(RawJson json) => JsonElement.Parse(json.Utf8.Span, Depth);

    /// <summary>Whether two objects say the same, whoever signed them.</summary>
    public static bool IsSameButSignatures(RawJson one, JsonElement other) =>
        JsonSigning.SignedPart(Parse(one)).AsSpan().SequenceEqual(JsonSigning.SignedPart(other));

    /// <summary>The key of a device that signs, unpadded base64.</summary>
    public static string? SigningKeyOf(RawJson deviceKeys, string deviceId) =>
        Parse(deviceKeys).TryGetProperty("keys"u8, out var keys) && keys.ValueKind == JsonValueKind.Object
            && keys.TryGetProperty(Ed25519Prefix + deviceId, out var key) && key.ValueKind == JsonValueKind.String
                ? key.GetString()
                : null;

    /// <summary>The public key of a cross-signing key, unpadded base64; null where it has not exactly one that is named
    /// after itself.</summary>
    public static string? PublicKeyOf(JsonElement crossSigningKey)
    {
        if (crossSigningKey.ValueKind != JsonValueKind.Object
            || !crossSigningKey.TryGetProperty("keys"u8, out var keys) || keys.ValueKind != JsonValueKind.Object)
        {
            return null;
        }
        var all = keys.EnumerateObject().ToArray();
        if (all is not [{ Value.ValueKind: JsonValueKind.String } only])
            return null;
        var key = only.Value.GetString()!;
        return only.Name == Ed25519Prefix + key && IsPublicKey(key) ? key : null;
    }

    public static string? PublicKeyOf(RawJson? crossSigningKey) =>
        crossSigningKey is { } key ? PublicKeyOf(Parse(key)) : null;

    /// <summary>The signatures that a user's keys made, by key id.</summary>
    public static List<(string KeyId, string Signature)> SignaturesOf(JsonElement obj, UserId signer)
    {
        var found = new List<(string, string)>();
        if (obj.TryGetProperty("signatures"u8, out var signatures) && signatures.ValueKind == JsonValueKind.Object
            && signatures.TryGetProperty(signer.Value, out var ofUser) && ofUser.ValueKind == JsonValueKind.Object)
        {
            foreach (var signature in ofUser.EnumerateObject())
            {
                if (signature.Value.ValueKind == JsonValueKind.String)
                    found.Add((signature.Name, signature.Value.GetString()!));
            }
        }
        return found;
    }

    /// <summary>Whether a key signed the object. Requires: the object has a canonical form.</summary>
    public static bool Verifies(JsonElement obj, string signature, string publicKey)
    {
        Span<byte> key = stackalloc byte[PublicKeyBytes];
        Span<byte> bytes = stackalloc byte[SignatureBytes];
        return UnpaddedBase64.TryDecodeExact(publicKey, key)
            && UnpaddedBase64.TryDecodeExact(signature, bytes)
            && JsonSigning.Verify(JsonSigning.SignedPart(obj), bytes, AnyEd25519, key);
    }

    /// <summary>Whether the object has a signature of the user with this key, and it holds.</summary>
    public static bool IsSignedBy(JsonElement obj, UserId signer, string publicKey)
    {
        foreach (var (keyId, signature) in SignaturesOf(obj, signer))
        {
            if (keyId == Ed25519Prefix + publicKey && Verifies(obj, signature, publicKey))
                return true;
        }
        return false;
    }

    /// <summary>The object with these signatures of a user added to its own; one of the same key is replaced.</summary>
    public static RawJson WithSignatures(RawJson json, UserId signer, IReadOnlyList<(string KeyId, string Text)> added)
    {
        var obj = Parse(json);
        var all = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var (keyId, signature) in SignaturesOf(obj, signer).Concat(added))
            all[keyId] = signature;
        return Write(writer =>
        {
            foreach (var member in obj.EnumerateObject())
            {
                if (!member.NameEquals("signatures"u8))
                    member.WriteTo(writer);
            }
            writer.WriteStartObject("signatures"u8);
            if (obj.TryGetProperty("signatures"u8, out var signatures) && signatures.ValueKind == JsonValueKind.Object)
            {
                foreach (var other in signatures.EnumerateObject())
                {
                    if (!other.NameEquals(signer.Value))
                        other.WriteTo(writer);
                }
            }
            writer.WriteStartObject(signer.Value);
            foreach (var (keyId, signature) in all)
                writer.WriteString(keyId, signature);
            writer.WriteEndObject();
            writer.WriteEndObject();
        });
    }

    /// <summary>The object with the signatures of one user only: what others signed is nobody else's
    /// business.</summary>
    /// <remarks>Spec: v1.19 client-server-api #key-and-signature-security.</remarks>
    public static RawJson WithSignaturesOfOnly(JsonElement obj, UserId signer) => Write(writer =>
    {
        foreach (var member in obj.EnumerateObject())
        {
            if (member.NameEquals("unsigned"u8))
                continue;
            if (!member.NameEquals("signatures"u8) || member.Value.ValueKind != JsonValueKind.Object)
            {
                member.WriteTo(writer);
                continue;
            }
            writer.WriteStartObject("signatures"u8);
            foreach (var other in member.Value.EnumerateObject())
            {
                if (other.NameEquals(signer.Value))
                    other.WriteTo(writer);
            }
            writer.WriteEndObject();
        }
    });

    /// <summary>The name of a device's or a user's key, as signatures use it.</summary>
    public static string KeyIdOf(string name) => Ed25519Prefix + name;

    public static bool IsPublicKey(string text)
    {
        Span<byte> key = stackalloc byte[PublicKeyBytes];
        return UnpaddedBase64.TryDecodeExact(text, key);
    }

    /// <summary>Whether text is <c>algorithm:id</c>, within an identifier's length.</summary>
    public static bool IsKeyId(string text)
    {
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        return colon > 0 && colon < text.Length - 1
            && Encoding.UTF8.GetByteCount(text) <= Limits.IdentifierBytesMax
            && !text.Contains('\0', StringComparison.Ordinal);
    }

    /// <summary>What stands before the first colon.</summary>
    public static string AlgorithmOf(string keyId) => keyId[..keyId.IndexOf(':', StringComparison.Ordinal)];

    private static RawJson Write(Action<Utf8JsonWriter> members)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { MaxDepth = Limits.JsonDepthMax }))
        {
            json.WriteStartObject();
            members(json);
            json.WriteEndObject();
        }
        return new(CanonicalJson.Canonicalise(buffer.WrittenSpan));
    }
}
