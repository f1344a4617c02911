using Matrix.EventSourced.Protocol.Json;
using Matrix.EventSourced.Protocol.RoomVersions;

namespace Matrix.EventSourced.Protocol.Pdus;

// HOT
/// <summary>Strips a PDU to what its room version protects.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #redactions; rooms/v1 … rooms/v12 #redactions.
/// Shape: works on canonical bytes and copies the slices that stay, so the result is canonical, too.
/// Requires: the bytes are canonical and <c>content</c> is an object, as every <see cref="Pdu"/> has it.
/// Cost: one pass; only the result is allocated.
/// </remarks>
public static class Redaction
{
    /// <summary>The redacted PDU in federation form; hashes and signatures stay, <c>unsigned</c> goes.</summary>
    public static byte[] Redact(Pdu pdu) => Redact(pdu.Json.Span, pdu.Type, pdu.Rules);

    /// <inheritdoc cref="Redact(Pdu)"/>
    public static byte[] Redact(ReadOnlySpan<byte> canonical, string type, RoomVersionRules rules)
    {
        var sink = new Utf8Sink(canonical.Length);
        Write(canonical, type, rules, keepsSignatures: true, ref sink);
        var redacted = sink.ToArray();
        sink.Dispose();
        return redacted;
    }

    /// <summary>
    /// The form that is signed and that the reference hash is taken of: redacted, without signatures and
    /// <c>unsigned</c>.
    /// </summary>
    internal static void WriteSigned(
        ReadOnlySpan<byte> canonical, string type, RoomVersionRules rules, ref Utf8Sink sink) =>
        Write(canonical, type, rules, keepsSignatures: false, ref sink);

    /// <summary>Appends what a redaction leaves of a content object.</summary>
    internal static void WriteContent(ReadOnlySpan<byte> content, string type, RedactionRules rules, ref Utf8Sink sink)
    {
        if (rules.KeepsCreateContent && type == EventTypes.Create)
        {
            sink.Append(content);
            return;
        }
        if (!rules.ContentKeys.TryGetValue(type, out var keys))
        {
            sink.Append("{}"u8);
            return;
        }
        var keepsSignedInvite = rules.KeepsSignedInvite && type == EventTypes.Member;
        var members = new CanonicalMembers(content);
        var writer = new MemberWriter(ref sink);
        while (members.MoveNext())
        {
            if (keys.Contains(members.Key))
                writer.Copy(members.Member, ref sink);
            else if (keepsSignedInvite && members.Key.SequenceEqual("third_party_invite"u8)
                && members.Value[0] == (byte)'{')
                WriteSignedInvite(members.Value, ref writer, ref sink);
        }
        MemberWriter.End(ref sink);
    }

    private static void Write(
        ReadOnlySpan<byte> canonical, string type, RoomVersionRules rules, bool keepsSignatures, ref Utf8Sink sink)
    {
        var members = new CanonicalMembers(canonical);
        var writer = new MemberWriter(ref sink);
        while (members.MoveNext())
        {
            if (!rules.Redaction.TopLevelKeys.Contains(members.Key))
                continue;
            if (members.Key.SequenceEqual("content"u8))
            {
                writer.Key("content"u8, ref sink);
                WriteContent(members.Value, type, rules.Redaction, ref sink);
            }
            else if (keepsSignatures || !members.Key.SequenceEqual("signatures"u8))
                writer.Copy(members.Member, ref sink);
        }
        MemberWriter.End(ref sink);
    }

    /// <summary>
    /// SPEC?: of a third_party_invite without signed an empty object is left; the other servers do that, and ids hang
    /// on it.
    /// </summary>
    private static void WriteSignedInvite(ReadOnlySpan<byte> invite, ref MemberWriter outer, ref Utf8Sink sink)
    {
        outer.Key("third_party_invite"u8, ref sink);
        var members = new CanonicalMembers(invite);
        var inner = new MemberWriter(ref sink);
        while (members.MoveNext())
        {
            if (members.Key.SequenceEqual("signed"u8))
                inner.Copy(members.Member, ref sink);
        }
        MemberWriter.End(ref sink);
    }
}
