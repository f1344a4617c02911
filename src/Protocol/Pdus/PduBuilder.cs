using System.Buffers;
using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Json;
using Matrix.EventSourced.Protocol.RoomVersions;
using Matrix.EventSourced.Protocol.Signing;

namespace Matrix.EventSourced.Protocol.Pdus;

// HOT
/// <summary>Makes PDUs of ours: canonical, hashed, signed, with their id.</summary>
/// <remarks>
/// <code>
///   draft ─► canonical without hashes ─► SHA-256 = hashes ─► what a redaction leaves ─► SHA-256 = event id (3 and
/// later)
///                                                                     └─► Ed25519 = signatures ─► canonical PDU
/// </code>
/// Spec: v1.19 server-server-api #adding-hashes-and-signatures-to-outgoing-events; rooms/v* #event-format.
/// NOTSPEC: what we build is strict canonical JSON in every room version; versions 1 to 5 would let floats through.
/// SPEC?: in versions 1 and 2 a reference whose hash the draft does not know gets no hash: nobody decides by them.
/// Errors: Refused(M_BAD_JSON) for contents without a canonical form, Refused(M_TOO_LARGE) over the size limits.
/// Cost: four passes over the bytes, two or three SHA-256, one signature.
/// </remarks>
public static class PduBuilder
{
    public static PduBuildResult Build(PduDraft draft, RoomVersionRules rules, ServerIdentity identity)
    {
        if (FindTooLong(draft) is { } field)
            return Refuse(
                MatrixError.TooLarge($"The event's {field} is longer than {Limits.IdentifierBytesMax} bytes."));
        if (FindUnusable(draft) is { } name)
            return Refuse(MatrixError.BadJson($"The event's {name} holds NUL or half of a surrogate pair."));
        if (draft.Content.ValueKind != JsonValueKind.Object)
            return Refuse(MatrixError.BadJson("The content must be a JSON object."));
        var raw = JsonMarshal.GetRawUtf8Value(draft.Content);
        if (raw.Length > Limits.PduBytesMax * 6)
            return Refuse(TooLarge());
        if (!TryCanonicalise(raw, out var content, out var violation))
            return Refuse(MatrixError.BadJson($"The content is no canonical JSON: {violation}."));
        if (draft.Type == EventTypes.Redaction)
            (draft, content) = PlaceRedacts(draft, content, rules);
        return BuildCanonical(draft, content, rules, identity);
    }

    /// <summary>Puts what a redaction redacts where the room version keeps it, wherever it was said.</summary>
    /// <remarks>Spec: v1.19 client-server-api #redactions: clients may send it in the content in every
    /// version.</remarks>
    private static (PduDraft Draft, byte[] Content) PlaceRedacts(
        PduDraft draft, byte[] content, RoomVersionRules rules)
    {
        var said = JsonMembers.FindString(content, "redacts"u8);
        var redacts = draft.Redacts ?? (EventId.TryParse(said, out var inContent) ? inContent : null);
        if (redacts is not { } eventId)
            return (draft, content);
        return (draft with { Redacts = eventId }, WithRedacts(content, rules.RedactsInContent ? eventId : null));
    }

    private static PduBuildResult BuildCanonical(
        PduDraft draft, byte[] content, RoomVersionRules rules, ServerIdentity identity)
    {
        var parts = new Parts(draft, content, rules);
        if (!rules.EventIdIsHash)
            parts.EventId = ChooseId(parts.Write(), identity);
        parts.Hash = UnpaddedBase64.Encode(SHA256.HashData(parts.Write()));
        var sink = new Utf8Sink(content.Length + 1024);
        Redaction.WriteSigned(parts.Write(), draft.Type, rules, ref sink);
        var signature = identity.Key.Sign(sink.Written);
        var eventId = parts.EventId ?? PduHashes.ToEventId(SHA256.HashData(sink.Written), rules);
        sink.Dispose();
        parts.Signatures = WriteSignatures(identity, signature);
        var json = parts.Write();
        return json.Length > Limits.PduBytesMax
            ? Refuse(TooLarge())
            : new PduBuildResult.Built(PduParser.ParseStored(json, rules, eventId));
    }

    /// <summary>Versions 1 and 2: an id of our choice; a hash of the PDU needs no randomness and comes once.</summary>
    private static EventId ChooseId(byte[] canonical, ServerIdentity identity) =>
        EventId.FromValidated($"${Base64Url.EncodeToString(SHA256.HashData(canonical).AsSpan(0, 18))}:{identity.Name}");

    /// <summary>The content with what it redacts, or without, in the order of canonical JSON.</summary>
    private static byte[] WithRedacts(byte[] content, EventId? redacts)
    {
        var buffer = new ArrayBufferWriter<byte>(content.Length + 64);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            using var document = JsonDocument.Parse(
                content, new JsonDocumentOptions { MaxDepth = Limits.JsonDepthMax });
            foreach (var member in document.RootElement.EnumerateObject())
            {
                if (!member.NameEquals("redacts"u8))
                    member.WriteTo(json);
            }
            if (redacts is { } eventId)
                json.WriteString("redacts"u8, eventId.Value);
            json.WriteEndObject();
        }
        return CanonicalJson.Canonicalise(buffer.WrittenSpan);
    }

    private static string? FindTooLong(PduDraft draft)
    {
        if (IsTooLong(draft.Type))
            return "type";
        return draft.StateKey is { } stateKey && IsTooLong(stateKey) ? "state key" : null;
    }

    /// <summary>What the parser of no server takes.</summary>
    private static string? FindUnusable(PduDraft draft)
    {
        if (!IdentifierGrammar.IsText(draft.Type))
            return "type";
        return draft.StateKey is { } stateKey && !IdentifierGrammar.IsText(stateKey) ? "state key" : null;
    }

    private static bool TryCanonicalise(
        ReadOnlySpan<byte> raw, [NotNullWhen(true)] out byte[]? content, [NotNullWhen(false)] out string? violation)
    {
        // The PDU around it is one level of the depth that every reader allows.
        using var scan = JsonScan.Read(raw, Limits.JsonDepthMax - 1);
        violation = scan.Fault ?? scan.Violation;
        content = null;
        if (violation is not null)
            return false;
        var sink = new Utf8Sink(raw.Length);
        scan.WriteCanonical(ref sink);
        content = sink.ToArray();
        sink.Dispose();
        return true;
    }

    private static bool IsTooLong(string text) => Encoding.UTF8.GetByteCount(text) > Limits.IdentifierBytesMax;

    private static byte[] WriteSignatures(ServerIdentity identity, string signature)
    {
        var sink = new Utf8Sink(256);
        sink.Append((byte)'{');
        JsonText.AppendQuoted(identity.Name.Value, ref sink);
        sink.Append(":{"u8);
        JsonText.AppendQuoted(identity.Key.KeyId.Value, ref sink);
        sink.Append((byte)':');
        JsonText.AppendQuoted(signature, ref sink);
        sink.Append("}}"u8);
        var json = sink.ToArray();
        sink.Dispose();
        return json;
    }

    private static MatrixError TooLarge() =>
        MatrixError.TooLarge($"The event is larger than {Limits.PduBytesMax} bytes.");

    private static PduBuildResult.Refused Refuse(MatrixError error) => new(error);

    /// <summary>The members in the order of canonical JSON; those that are not known yet are left out.</summary>
    private sealed class Parts(PduDraft draft, byte[] content, RoomVersionRules rules)
    {
        private readonly byte[] _authEvents = References(draft.AuthEvents, draft, rules);
        private readonly byte[] _prevEvents = References(draft.PrevEvents, draft, rules);

        /// <summary>The create PDU of a version 12 room goes without a room_id: its own id is what it would be made
        /// of.</summary>
        private bool IsRoomIdMadeHere =>
            rules.RoomIdIsCreateHash && draft is { Type: EventTypes.Create, StateKey.Length: 0 };

        /// <summary>At the largest depth of its version, a room stays there. Spec: rooms/v* #event-format.</summary>
        private long Depth =>
            rules.StrictCanonicalJson ? Math.Min(draft.Depth, Limits.CanonicalIntegerMax) : draft.Depth;

        public EventId? EventId { get; set; }

        public string? Hash { get; set; }

        public byte[]? Signatures { get; set; }

        public byte[] Write()
        {
            var sink = new Utf8Sink(content.Length + 2048);
            var writer = new MemberWriter(ref sink);
            WriteRaw("auth_events"u8, _authEvents, ref writer, ref sink);
            WriteRaw("content"u8, content, ref writer, ref sink);
            WriteNumber("depth"u8, Depth, ref writer, ref sink);
            WriteString("event_id"u8, EventId?.Value, ref writer, ref sink);
            if (Hash is not null)
                WriteRaw("hashes"u8, Encoding.UTF8.GetBytes($$"""{"sha256":"{{Hash}}"}"""), ref writer, ref sink);
            WriteNumber("origin_server_ts"u8, draft.OriginServerTs, ref writer, ref sink);
            WriteRaw("prev_events"u8, _prevEvents, ref writer, ref sink);
            WriteString("redacts"u8, rules.RedactsInContent ? null : draft.Redacts?.Value, ref writer, ref sink);
            WriteString("room_id"u8, IsRoomIdMadeHere ? null : draft.RoomId?.Value, ref writer, ref sink);
            WriteString("sender"u8, draft.Sender.Value, ref writer, ref sink);
            if (Signatures is not null)
                WriteRaw("signatures"u8, Signatures, ref writer, ref sink);
            WriteString("state_key"u8, draft.StateKey, ref writer, ref sink);
            WriteString("type"u8, draft.Type, ref writer, ref sink);
            MemberWriter.End(ref sink);
            var json = sink.ToArray();
            sink.Dispose();
            return json;
        }

        private static byte[] References(
            IReadOnlyList<EventId> eventIds, PduDraft draft, RoomVersionRules rules)
        {
            var sink = new Utf8Sink(64 * (eventIds.Count + 1));
            sink.Append((byte)'[');
            for (var i = 0; i < eventIds.Count; i++)
            {
                if (i > 0)
                    sink.Append((byte)',');
                if (rules.ReferencesArePairs)
                    sink.Append((byte)'[');
                JsonText.AppendQuoted(eventIds[i].Value, ref sink);
                if (rules.ReferencesArePairs)
                    AppendHashes(eventIds[i], draft, ref sink);
            }
            sink.Append((byte)']');
            var json = sink.ToArray();
            sink.Dispose();
            return json;
        }

        private static void AppendHashes(EventId eventId, PduDraft draft, ref Utf8Sink sink)
        {
            sink.Append(",{"u8);
            if (draft.EventIdToReferenceHash?.TryGetValue(eventId, out var hash) == true)
            {
                sink.Append("\"sha256\":"u8);
                JsonText.AppendQuoted(UnpaddedBase64.Encode(hash.Span), ref sink);
            }
            sink.Append("}]"u8);
        }

        private static void WriteRaw(
            scoped ReadOnlySpan<byte> key, scoped ReadOnlySpan<byte> value, ref MemberWriter writer, ref Utf8Sink sink)
        {
            writer.Key(key, ref sink);
            sink.Append(value);
        }

        private static void WriteNumber(
            scoped ReadOnlySpan<byte> key, long value, ref MemberWriter writer, ref Utf8Sink sink)
        {
            Span<byte> digits = stackalloc byte[20];
            value.TryFormat(digits, out var count, provider: CultureInfo.InvariantCulture);
            WriteRaw(key, digits[..count], ref writer, ref sink);
        }

        private static void WriteString(
            scoped ReadOnlySpan<byte> key, string? value, ref MemberWriter writer, ref Utf8Sink sink)
        {
            if (value is null)
                return;
            writer.Key(key, ref sink);
            JsonText.AppendQuoted(value, ref sink);
        }
    }
}
