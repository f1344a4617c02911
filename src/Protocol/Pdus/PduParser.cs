using System.Security.Cryptography;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Json;
using Matrix.EventSourced.Protocol.RoomVersions;

namespace Matrix.EventSourced.Protocol.Pdus;

/// <summary>What became of bytes that should be a PDU.</summary>
/// <remarks>Shape: closed, one of the two.</remarks>
public abstract record PduParseResult
{
    private PduParseResult()
    {
    }

    /// <summary>Its form is right; nothing is known of signatures and authorisation.</summary>
    public sealed record Parsed(Pdu Pdu) : PduParseResult;

    /// <summary>No PDU of the room version: it is dropped.</summary>
    public sealed record Refused(MatrixError Error) : PduParseResult;
}

/// <summary>Reads PDUs: other servers' with every check of the form, our own stored ones without.</summary>
/// <remarks>
/// Spec: v1.19 server-server-api #checks-performed-on-receipt-of-a-pdu (check 1); client-server-api #size-limits;
/// rooms/v* #event-format, #canonical-json.
/// Shape: one scan makes the canonical bytes; one pass over those reads the envelope. Signatures, hashes and
/// authorisation are checks
/// of their own (signatures, <see cref="PduHashes"/>, EventAuth).
/// NOTSPEC: an object with the same key twice is refused. Most servers silently keep the last one and pass the PDU on
/// without the
/// first, so nothing is lost: the form in which the others hold it can still be fetched from them, and there never are
/// two readings of stored bytes.
/// Errors: Refused(M_NOT_JSON), Refused(M_BAD_JSON), Refused(M_TOO_LARGE); never an exception for bad input.
/// Cost: O(bytes) and one reference hash.
/// </remarks>
public static class PduParser
{
    /// <summary>Reads bytes that nobody vouches for.</summary>
    /// <param name="json">The PDU as received, in any JSON formatting.</param>
    /// <param name="rules">The rules of the room's version.</param>
    /// <param name="enforcesReferenceLimits">False for backfilled history, which may be older than the limits.</param>
    public static PduParseResult Parse(
        ReadOnlyMemory<byte> json, RoomVersionRules rules, bool enforcesReferenceLimits = true)
    {
        using var scan = JsonScan.Read(json.Span);
        if (!scan.IsJson)
            return Refuse(MatrixError.NotJson("The PDU is " + scan.Fault + "."));
        if (scan.Fault is not null)
            return RefuseForm(scan.Fault);
        if (rules.StrictCanonicalJson && scan.Violation is not null)
            return RefuseForm(scan.Violation);
        if (!scan.IsObject)
            return RefuseForm("a PDU is a JSON object");

        var sink = new Utf8Sink(json.Length);
        scan.WriteCanonical(ref sink);
        var canonical = sink.Count <= Limits.PduBytesMax ? sink.ToArray() : null;
        sink.Dispose();
        return canonical is null
            ? Refuse(MatrixError.TooLarge($"The PDU is larger than {Limits.PduBytesMax} bytes."))
            : ParseCanonical(canonical, rules, enforcesReferenceLimits);
    }

    /// <summary>Reads bytes that this server stored after <see cref="Parse"/> or made itself; cheap, without
    /// hashing.</summary>
    /// <remarks>Requires: the bytes are canonical and the id is theirs. Throws on anything else: a broken
    /// invariant.</remarks>
    public static Pdu ParseStored(ReadOnlyMemory<byte> json, RoomVersionRules rules, EventId eventId)
    {
        var problem = PduEnvelope.Read(json.Span, rules, out var envelope) ?? FindMissing(envelope, rules);
        return problem is null
            ? new Pdu(json, rules, eventId, envelope)
            : throw new InvalidOperationException($"The stored PDU {eventId} is malformed: {problem}.");
    }

    private static PduParseResult ParseCanonical(byte[] canonical, RoomVersionRules rules, bool enforcesReferenceLimits)
    {
        var problem = PduEnvelope.Read(canonical, rules, out var envelope)
            ?? FindMissing(envelope, rules)
            ?? FindMalformedReferences(canonical, envelope, rules, enforcesReferenceLimits);
        if (problem is not null)
            return RefuseForm(problem);
        var eventId = rules.EventIdIsHash ? HashToId(canonical, envelope.Type!, rules) : envelope.EventId!.Value;
        return new PduParseResult.Parsed(new Pdu(canonical, rules, eventId, envelope));
    }

    private static EventId HashToId(ReadOnlySpan<byte> canonical, string type, RoomVersionRules rules)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        var sink = new Utf8Sink(canonical.Length);
        Redaction.WriteSigned(canonical, type, rules, ref sink);
        SHA256.HashData(sink.Written, hash);
        sink.Dispose();
        return PduHashes.ToEventId(hash, rules);
    }

    private static string? FindMissing(in PduEnvelope envelope, RoomVersionRules rules)
    {
        if (envelope.Type is null)
            return "type is missing";
        if (envelope.Sender is null)
            return "sender is missing";
        if (!envelope.Content.IsPresent)
            return "content is missing";
        if (envelope.OriginServerTs is null)
            return "origin_server_ts is missing";
        if (envelope.Depth is null)
            return "depth is missing";
        if (!envelope.PrevEvents.IsPresent)
            return "prev_events is missing";
        if (!envelope.AuthEvents.IsPresent)
            return "auth_events is missing";
        if (!rules.EventIdIsHash && (envelope.EventId is null || !rules.IsWellFormed(envelope.EventId.Value)))
            return "event_id is missing or not of the room version's form";
        return FindBadRoomId(envelope, rules);
    }

    /// <summary>Only the create PDU of a version 12 room goes without; one that has it is for auth rule 1.2 to
    /// reject.</summary>
    private static string? FindBadRoomId(in PduEnvelope envelope, RoomVersionRules rules)
    {
        if (rules.RoomIdIsCreateHash && envelope is { Type: EventTypes.Create, StateKey.Length: 0 })
            return null;
        return envelope.RoomId is { } roomId && rules.IsWellFormed(roomId)
            ? null
            : "room_id is missing or not of the room version's form";
    }

    private static string? FindMalformedReferences(
        ReadOnlySpan<byte> canonical, in PduEnvelope envelope, RoomVersionRules rules, bool enforcesLimits)
    {
        if (PduReferences.Read(envelope.PrevEvents.Of(canonical), rules) is not { } prevEvents)
            return "prev_events are not of the room version's form";
        if (PduReferences.Read(envelope.AuthEvents.Of(canonical), rules) is not { } authEvents)
            return "auth_events are not of the room version's form";
        if (enforcesLimits && prevEvents.Length > Limits.PrevEventsMax)
            return $"more than {Limits.PrevEventsMax} prev_events";
        if (enforcesLimits && authEvents.Length > Limits.AuthEventsMax)
            return $"more than {Limits.AuthEventsMax} auth_events";
        return null;
    }

    private static PduParseResult.Refused RefuseForm(string problem) =>
        Refuse(MatrixError.BadJson($"The PDU is malformed: {problem}."));

    private static PduParseResult.Refused Refuse(MatrixError error) => new(error);
}
