using System.Buffers;
using System.Text.Json;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Json;
using Matrix.EventSourced.Protocol.Signing;

namespace Matrix.EventSourced.Protocol.Pdus;

/// <summary>Changes the parts of a PDU that neither its id nor its signatures cover: signatures,
/// <c>unsigned</c>.</summary>
/// <remarks>
/// Spec: v1.19 server-server-api #inviting-to-a-room (the invited server signs, too), #restricted-rooms,
/// #asking-for-a-policy-server-signature-on-an-event; #validating-hashes-and-signatures-on-received-events.
/// Shape: all else stays byte for byte, so ids, hashes and signatures that are there go on to hold.
/// Errors: Refused(M_TOO_LARGE) where one more signature makes the PDU too large.
/// Cost: one copy of the bytes; <see cref="Sign"/> hashes and signs, too.
/// </remarks>
public static class PduRewriting
{
    /// <summary>The PDU with our signature beside those that it has.</summary>
    public static PduBuildResult Sign(Pdu pdu, ServerIdentity identity) =>
        AddSignature(pdu, identity.Name, identity.Key.KeyId, identity.Key.Sign(PduSignatures.SignedPart(pdu)));

    /// <summary>The PDU with one more signature, which replaces one of the same server and key. Does not check
    /// it.</summary>
    public static PduBuildResult AddSignature(Pdu pdu, ServerName server, KeyId keyId, string signature)
    {
        var signatures = JsonElement.Parse(
            pdu.SignaturesUtf8.Span, new JsonDocumentOptions { MaxDepth = Limits.JsonDepthMax });
        var buffer = new ArrayBufferWriter<byte>(256);
        using (var json = new Utf8JsonWriter(buffer))
            JsonSigning.WriteSignatures(json, signatures, server, keyId, signature);
        var bytes = Replace(pdu.Json.Span, "signatures"u8, CanonicalJson.Canonicalise(buffer.WrittenSpan));
        return bytes.Length > Limits.PduBytesMax
            ? new PduBuildResult.Refused(
                MatrixError.TooLarge($"The event is larger than {Limits.PduBytesMax} bytes with one more signature."))
            : new PduBuildResult.Built(PduParser.ParseStored(bytes, pdu.Rules, pdu.EventId));
    }

    /// <summary>The PDU with a server's signatures of another copy of it. Does not check them.</summary>
    public static PduBuildResult CopySignatures(Pdu copy, ServerName server, Pdu pdu)
    {
        foreach (var keyId in PduSignatures.KeyIds(copy, server))
        {
            if (JsonSigning.FindIn(copy.SignaturesUtf8, server, keyId) is not { } signature)
                continue;
            switch (AddSignature(pdu, server, keyId, signature))
            {
                case PduBuildResult.Refused refused:
                    return refused;
                case PduBuildResult.Built built:
                    pdu = built.Pdu;
                    break;
            }
        }
        return new PduBuildResult.Built(pdu);
    }

    /// <summary>The PDU without <c>unsigned</c>: what to keep and to pass on of what another server sends.</summary>
    /// <remarks>Nothing in it is covered by a signature. Of what the spec has in it, a receiver needs only the stripped
    /// state of an invite, which goes elsewhere; the age it was sent at means nothing later.</remarks>
    public static Pdu WithoutUnsigned(Pdu pdu) => pdu.Unsigned.ValueKind == JsonValueKind.Undefined
        ? pdu
        : PduParser.ParseStored(Replace(pdu.Json.Span, "unsigned"u8, []), pdu.Rules, pdu.EventId);

    /// <summary>Canonical bytes with another value of a member, or without the member where there is no
    /// value.</summary>
    private static byte[] Replace(ReadOnlySpan<byte> canonical, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        var sink = new Utf8Sink(canonical.Length + value.Length + 16);
        var members = new CanonicalMembers(canonical);
        var writer = new MemberWriter(ref sink);
        var isWritten = value.IsEmpty;
        while (members.MoveNext())
        {
            var order = members.Key.SequenceCompareTo(key);
            if (!isWritten && order >= 0)
            {
                WriteMember(key, value, ref writer, ref sink);
                isWritten = true;
            }
            if (order != 0)
                writer.Copy(members.Member, ref sink);
        }
        if (!isWritten)
            WriteMember(key, value, ref writer, ref sink);
        MemberWriter.End(ref sink);
        var json = sink.ToArray();
        sink.Dispose();
        return json;
    }

    private static void WriteMember(
        scoped ReadOnlySpan<byte> key, scoped ReadOnlySpan<byte> value, ref MemberWriter writer, ref Utf8Sink sink)
    {
        writer.Key(key, ref sink);
        sink.Append(value);
    }
}
