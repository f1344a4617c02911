using System.Buffers;
using System.Runtime.InteropServices;
using System.Text.Json;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Json;
using Matrix.EventSourced.Protocol.Pdus;
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
            WriteSignatures(
                json, obj.TryGetProperty("signatures"u8, out var signatures) ? signatures : default, name, key.KeyId,
                signature);
            json.WriteEndObject();
        }
        return CanonicalJson.Canonicalise(buffer.WrittenSpan);
    }

    /// <summary>Whether the object carries this server's signature with this key, and the signature holds.</summary>
    public static bool Verify(JsonElement obj, ServerName name, KeyId keyId, ReadOnlySpan<byte> publicKey)
    {
        // All is read from the canonical form: it has no key twice and no half surrogate, on which readers throw.
        if (obj.ValueKind != JsonValueKind.Object
            || !CanonicalJson.TryCanonicalise(JsonMarshal.GetRawUtf8Value(obj), out var canonical, out _)
            || FindSignature(canonical, name, keyId) is not { } text)
        {
            return false;
        }
        Span<byte> signature = stackalloc byte[SignatureBytes];
        return UnpaddedBase64.TryDecodeExact(text, signature)
            && Verify(WithoutUnsignedParts(canonical), signature, keyId, publicKey);
    }

    /// <summary>Whether a signature of some bytes holds.</summary>
    public static bool Verify(
        ReadOnlySpan<byte> message, ReadOnlySpan<byte> signature, KeyId keyId, ReadOnlySpan<byte> publicKey) =>
        keyId.IsEd25519
        && signature.Length == SignatureBytes
        && PublicKey.TryImport(SignatureAlgorithm.Ed25519, publicKey, KeyBlobFormat.RawPublicKey, out var key)
        && SignatureAlgorithm.Ed25519.Verify(key!, message, signature);

    /// <summary>The canonical bytes that a signature of the object is made of. Requires: an object with a canonical
    /// form.</summary>
    public static byte[] SignedPart(JsonElement obj) => WithoutUnsignedParts(CanonicalJson.Canonicalise(obj));

    /// <summary>The signature in a <c>signatures</c> object of canonical bytes, or null.</summary>
    internal static string? FindIn(ReadOnlyMemory<byte> signaturesUtf8, ServerName name, KeyId keyId)
    {
        var signatures = JsonElement.Parse(
            signaturesUtf8.Span, new JsonDocumentOptions { MaxDepth = Limits.JsonDepthMax });
        return signatures.ValueKind == JsonValueKind.Object
            && signatures.TryGetProperty(name.Value, out var ofServer) && ofServer.ValueKind == JsonValueKind.Object
            && ofServer.TryGetProperty(keyId.Value, out var signature) && signature.ValueKind == JsonValueKind.String
                ? signature.GetString()
                : null;
    }

    private static byte[] WithoutUnsignedParts(byte[] canonical)
    {
        var sink = new Utf8Sink(canonical.Length);
        var members = new CanonicalMembers(canonical);
        var writer = new MemberWriter(ref sink);
        while (members.MoveNext())
        {
            if (!members.Key.SequenceEqual("signatures"u8) && !members.Key.SequenceEqual("unsigned"u8))
                writer.Copy(members.Member, ref sink);
        }
        MemberWriter.End(ref sink);
        var signed = sink.ToArray();
        sink.Dispose();
        return signed;
    }

    /// <summary>A <c>signatures</c> object with one more signature, or another of the same server and key.</summary>
    internal static void WriteSignatures(
        Utf8JsonWriter json, JsonElement signatures, ServerName name, KeyId keyId, string signature)
    {
        var hasSome = signatures.ValueKind == JsonValueKind.Object;
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

    private static string? FindSignature(byte[] canonical, ServerName name, KeyId keyId)
    {
        var members = new CanonicalMembers(canonical);
        while (members.MoveNext())
        {
            if (members.Key.SequenceEqual("signatures"u8))
                return FindIn(members.Value.ToArray(), name, keyId);
        }
        return null;
    }
}
