using System.Buffers;
using System.Text.Json;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.RoomVersions;
using static Matrix.EventSourced.Fuzz.BrokenLawException;

namespace Matrix.EventSourced.Fuzz.Targets;

/// <summary>The PDU parser in every room version; what it takes can be stored, redacted and shown.</summary>
internal sealed class PduTarget : IFuzzTarget
{
    public string Name => "pdu";

    public IReadOnlyList<string> Dictionary { get; } =
    [
        "m.room.create", "m.room.member", "m.room.power_levels", "m.room.redaction", "m.room.join_rules",
        "m.room.aliases",
        "\"redacts\":\"$a:b\",", "\"state_key\":\"\",", "\"unsigned\":{},", "\"event_id\":\"$a:b\",", "\"type\":\"a\",",
        "\"third_party_invite\":{\"signed\":{}},", "!a:b", "@a:b", "$a:b", "\"depth\":1,", "content", "hashes",
        "[[\"$a:b\",{}]]",
    ];

    public string Run(ReadOnlyMemory<byte> input)
    {
        var outcome = string.Empty;
        foreach (var rules in RoomVersionRules.All)
        {
            outcome += PduParser.Parse(input, rules, enforcesReferenceLimits: false) switch
            {
                PduParseResult.Parsed parsed => Check(parsed.Pdu),
                PduParseResult.Refused refused => refused.Error.Message,
                _ => throw new BrokenLawException("A PDU is taken or refused."),
            };
        }
        return outcome;
    }

    private static string Check(Pdu pdu)
    {
        var again = (PduParser.Parse(pdu.Json, pdu.Rules, false) as PduParseResult.Parsed)?.Pdu;
        ThrowUnless(again is not null, "The canonical form of a PDU is one.");
        ThrowUnless(again!.EventId == pdu.EventId, "The id does not depend on the form.");
        ThrowUnless(again.Json.Span.SequenceEqual(pdu.Json.Span), "The canonical form is stable.");

        var stored = PduParser.ParseStored(pdu.Json, pdu.Rules, pdu.EventId);
        ThrowUnless(stored.RoomId == pdu.RoomId && stored.Type == pdu.Type, "What was stored reads the same.");
        ThrowUnless(stored.PrevEvents.SequenceEqual(pdu.PrevEvents), "References read the same.");
        ThrowUnless(stored.AuthEvents.SequenceEqual(pdu.AuthEvents), "References read the same.");
        ThrowUnless(pdu.Content.ValueKind == JsonValueKind.Object, "Content is an object.");
        _ = pdu.Unsigned;
        _ = pdu.StateTuple;
        _ = pdu.Membership;
        foreach (var server in PduSignatures.RequiredServers(pdu) ?? [])
            _ = PduSignatures.KeyIds(pdu, server);

        CheckRedacted(pdu);
        foreach (var format in Enum.GetValues<ClientEventFormat>())
            CheckWritten(pdu, format);
        return $"{pdu.Type.Length > 0} {pdu.IsState} {pdu.Redacts is not null} {PduHashes.ContentHashHolds(pdu)}";
    }

    private static void CheckRedacted(Pdu pdu)
    {
        var redacted = Redaction.Redact(pdu);
        var result = PduParser.Parse(redacted, pdu.Rules, false) as PduParseResult.Parsed;
        ThrowUnless(result is not null, "A redacted PDU is one.");
        ThrowUnless(result!.Pdu.EventId == pdu.EventId, "A redaction keeps the id.");
        ThrowUnless(
            PduSignatures.SignedPart(pdu).AsSpan().SequenceEqual(PduSignatures.SignedPart(result.Pdu)),
            "A redaction keeps what is signed.");
        ThrowUnless(result.Pdu.Json.Span.SequenceEqual(redacted), "A redacted PDU is canonical.");
        ThrowUnless(Redaction.Redact(result.Pdu).AsSpan().SequenceEqual(redacted), "Once is enough.");
    }

    private static void CheckWritten(Pdu pdu, ClientEventFormat format)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
            ClientEventWriter.Write(json, pdu, format, unsigned => unsigned.WriteNumber("age", 1));
        using var document = JsonDocument.Parse(
            buffer.WrittenMemory, new JsonDocumentOptions { MaxDepth = 200, AllowDuplicateProperties = false });
        ThrowUnless(
            document.RootElement.GetProperty("event_id").GetString() == pdu.EventId.Value, "Clients see the id.");
    }
}
