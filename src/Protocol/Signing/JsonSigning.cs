using System.Buffers;
using System.Text.Json;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Json;
using NSec.Cryptography;

namespace Matrix.EventSourced.Protocol.Signing;

/// <summary>Signs JSON objects, and checks such signatures.</summary>
/// <remarks>
/// Spec: v1.19 appendices #signing-json: the canonical form without <c>signatures</c> and <c>unsigned</c> is what is
/// signed.
/// Events are not signed this way but by what a redaction leaves of them, see Pdus.
/// Errors: none; what cannot be checked does not verify.
/// </remarks>
public static class JsonSigning
{
    private const int SignatureBytes = 64;

    /// <summary>The object in canonical form with our signature beside those that it has. Requires: an object with a
    /// canonical form.</summary>
    public static byte[] Sign(JsonElement obj, ServerName name, ServerSigningKey key)
    {
        var signature = key.Sign(SignedPart(obj));
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            foreach (var member in obj.EnumerateObject())
            {
                if (!member.NameEquals("signatures"u8))
                    member.WriteTo(json);
            }
            json.WritePropertyName("signatures"u8);
            WriteSignatures(json, obj, name, key.KeyId, signature);
            json.WriteEndObject();
        }
        return CanonicalJson.Canonicalise(buffer.WrittenSpan);
    }

    /// <summary>Whether the object carries this server's signature with this key, and the signature holds.</summary>
    public static bool Verify(JsonElement obj, ServerName name, KeyId keyId, ReadOnlySpan<byte> publicKey)
    {
        if (FindSignature(obj, name, keyId) is not { } text)
            return false;
        Span<byte> signature = stackalloc byte[SignatureBytes];
        return UnpaddedBase64.TryDecodeExact(text, signature)
            && CanonicalJson.TryCanonicalise(WithoutUnsignedParts(obj), out var message, out _)
            && Verify(message, signature, keyId, publicKey);
    }

    /// <summary>Whether a signature of some bytes holds.</summary>
    public static bool Verify(
        ReadOnlySpan<byte> message, ReadOnlySpan<byte> signature, KeyId keyId, ReadOnlySpan<byte> publicKey) =>
        keyId.IsEd25519
        && signature.Length == SignatureBytes
        && PublicKey.TryImport(SignatureAlgorithm.Ed25519, publicKey, KeyBlobFormat.RawPublicKey, out var key)
        && SignatureAlgorithm.Ed25519.Verify(key!, message, signature);

    /// <summary>The canonical bytes that a signature of the object is made of.</summary>
    public static byte[] SignedPart(JsonElement obj) => CanonicalJson.Canonicalise(WithoutUnsignedParts(obj));

    private static byte[] WithoutUnsignedParts(JsonElement obj)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            foreach (var member in obj.EnumerateObject())
            {
                if (!member.NameEquals("signatures"u8) && !member.NameEquals("unsigned"u8))
                    member.WriteTo(json);
            }
            json.WriteEndObject();
        }
        return buffer.WrittenSpan.ToArray();
    }

    private static void WriteSignatures(
        Utf8JsonWriter json, JsonElement obj, ServerName name, KeyId keyId, string signature)
    {
        var hasSome = obj.TryGetProperty("signatures"u8, out var signatures)
            && signatures.ValueKind == JsonValueKind.Object;
        json.WriteStartObject();
        JsonElement ours = default;
        foreach (var server in hasSome ? signatures.EnumerateObject().ToArray() : [])
        {
            if (server.NameEquals(name.Value))
                ours = server.Value;
            else
                server.WriteTo(json);
        }
        json.WriteStartObject(name.Value);
        foreach (var other in ours.ValueKind == JsonValueKind.Object ? ours.EnumerateObject().ToArray() : [])
        {
            if (!other.NameEquals(keyId.Value))
                other.WriteTo(json);
        }
        json.WriteString(keyId.Value, signature);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static string? FindSignature(JsonElement obj, ServerName name, KeyId keyId) =>
        obj.ValueKind == JsonValueKind.Object
        && obj.TryGetProperty("signatures"u8, out var signatures) && signatures.ValueKind == JsonValueKind.Object
        && signatures.TryGetProperty(name.Value, out var ofServer) && ofServer.ValueKind == JsonValueKind.Object
        && ofServer.TryGetProperty(keyId.Value, out var signature) && signature.ValueKind == JsonValueKind.String
            ? signature.GetString()
            : null;
}
