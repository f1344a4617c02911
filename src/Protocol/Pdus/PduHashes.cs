using System.Buffers.Text;
using System.Security.Cryptography;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Json;
using Matrix.EventSourced.Protocol.RoomVersions;

namespace Matrix.EventSourced.Protocol.Pdus;

// HOT
/// <summary>The two hashes of a PDU: of its content, and of what a redaction leaves, which is its id.</summary>
/// <remarks>
/// Spec: v1.19 server-server-api #calculating-the-content-hash-for-an-event,
/// #calculating-the-reference-hash-for-an-event.
/// Requires: canonical bytes. Cost: one pass over the bytes and one SHA-256.
/// </remarks>
public static class PduHashes
{
    /// <summary>SHA-256 without <c>unsigned</c>, <c>signatures</c> and <c>hashes</c>.</summary>
    public static byte[] ContentHash(ReadOnlySpan<byte> canonical)
    {
        var sink = new Utf8Sink(canonical.Length);
        var members = new CanonicalMembers(canonical);
        var writer = new MemberWriter(ref sink);
        while (members.MoveNext())
        {
            if (!members.Key.SequenceEqual("unsigned"u8)
                && !members.Key.SequenceEqual("signatures"u8)
                && !members.Key.SequenceEqual("hashes"u8))
            {
                writer.Copy(members.Member, ref sink);
            }
        }
        MemberWriter.End(ref sink);
        var hash = SHA256.HashData(sink.Written);
        sink.Dispose();
        return hash;
    }

    /// <summary>Whether <c>hashes.sha256</c> is the content hash; if not, only a redacted copy may be used.</summary>
    public static bool ContentHashHolds(Pdu pdu)
    {
        var claimed = JsonMembers.FindString(pdu.HashesUtf8.Span, "sha256"u8);
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        return claimed is not null
            && UnpaddedBase64.TryDecodeExact(claimed, hash)
            && hash.SequenceEqual(ContentHash(pdu.Json.Span));
    }

    /// <inheritdoc cref="ReferenceHash(ReadOnlySpan{byte}, string, RoomVersionRules)"/>
    public static byte[] ReferenceHash(Pdu pdu) => ReferenceHash(pdu.Json.Span, pdu.Type, pdu.Rules);

    /// <summary>SHA-256 of the redacted form without signatures and <c>unsigned</c>.</summary>
    public static byte[] ReferenceHash(ReadOnlySpan<byte> canonical, string type, RoomVersionRules rules)
    {
        var sink = new Utf8Sink(canonical.Length);
        Redaction.WriteSigned(canonical, type, rules, ref sink);
        var hash = SHA256.HashData(sink.Written);
        sink.Dispose();
        return hash;
    }

    /// <summary>The event id that a reference hash makes. Requires: ids of the version are hashes.</summary>
    public static EventId ToEventId(ReadOnlySpan<byte> referenceHash, RoomVersionRules rules) => EventId.FromValidated(
        rules.EventIdFormat == EventIdFormat.HashBase64
            ? "$" + UnpaddedBase64.Encode(referenceHash)
            : "$" + Base64Url.EncodeToString(referenceHash));
}
