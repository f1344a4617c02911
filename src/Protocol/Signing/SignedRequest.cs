using System.Buffers;
using System.Text.Json;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Json;

namespace Matrix.EventSourced.Protocol.Signing;

/// <summary>A request between servers, as it is signed.</summary>
/// <remarks>
/// Spec: v1.19 server-server-api #request-authentication.
/// Shape: Uri is the target as sent, from <c>/_matrix</c> on, with the query; Content is empty
/// without a body.
/// Errors: content without a canonical form does not verify, and is a FormatException when we sign it.
/// </remarks>
public sealed record SignedRequest(
    string Method, string Uri, ServerName Origin, ServerName Destination, ReadOnlyMemory<byte> Content)
{
    /// <summary>The header that proves the request to be ours. Requires: Origin is our name.</summary>
    public XMatrixHeader Sign(ServerSigningKey key) =>
        new(Origin, Destination, key.KeyId, key.Sign(TryWrite(out var message)
            ? message
            : throw new FormatException("The content has no canonical form.")));

    /// <summary>Whether the header's signature is of this request. Requires: the caller has compared the header's
    /// origin and destination with the request's.</summary>
    public bool Verifies(XMatrixHeader header, ReadOnlySpan<byte> publicKey)
    {
        Span<byte> signature = stackalloc byte[64];
        return header.Origin == Origin
            && (header.Destination is null || header.Destination == Destination)
            && UnpaddedBase64.TryDecodeExact(header.Signature, signature)
            && TryWrite(out var message)
            && JsonSigning.Verify(message, signature, header.KeyId, publicKey);
    }

    private bool TryWrite(out byte[] message)
    {
        message = [];
        byte[]? content = null;
        if (Content.Length > 0 && !CanonicalJson.TryCanonicalise(Content.Span, out content, out _))
            return false;
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            if (content is not null)
            {
                json.WritePropertyName("content"u8);
                json.WriteRawValue(content, skipInputValidation: true);
            }
            json.WriteString("destination"u8, Destination.Value);
            json.WriteString("method"u8, Method);
            json.WriteString("origin"u8, Origin.Value);
            json.WriteString("uri"u8, Uri);
            json.WriteEndObject();
        }
        return CanonicalJson.TryCanonicalise(buffer.WrittenSpan, out message!, out _);
    }
}
