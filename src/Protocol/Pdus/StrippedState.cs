using System.Runtime.InteropServices;
using System.Text.Json;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Json;
using Matrix.EventSourced.Protocol.RoomVersions;

namespace Matrix.EventSourced.Protocol.Pdus;

/// <summary>The few state events that show a room to somebody who is not in it: PDUs between servers, four members to
/// clients.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #stripped-state; server-server-api #put_matrixfederationv2inviteroomideventid,
/// #put_matrixfederationv1send_knockroomideventid.
/// Shape: what another server sends is never passed through; only <c>content</c>, <c>sender</c>, <c>state_key</c> and
/// <c>type</c> go to clients.
/// Errors: Refused(M_INVALID_PARAM) for what the spec lets a server refuse. Signatures are the caller's to check.
/// Cost: O(bytes) and a reference hash for each PDU.
/// </remarks>
public static class StrippedState
{
    /// <summary>Writes a PDU as clients see it in stripped state. Requires: it is state.</summary>
    public static void Write(Utf8JsonWriter json, Pdu pdu)
    {
        Invariant.Holds(pdu.IsState);
        json.WriteStartObject();
        json.WritePropertyName("content"u8);
        json.WriteRawValue(pdu.ContentUtf8.Span, skipInputValidation: true);
        json.WriteString("sender"u8, pdu.Sender.Value);
        json.WriteString("state_key"u8, pdu.StateKey);
        json.WriteString("type"u8, pdu.Type);
        json.WriteEndObject();
    }

    /// <summary>Writes what another server sent, a PDU or stripped already, as clients see it; false, and nothing
    /// written, if it is neither.</summary>
    public static bool TryWrite(Utf8JsonWriter json, JsonElement entry)
    {
        if (entry.ValueKind != JsonValueKind.Object
            || !CanonicalJson.TryCanonicalise(JsonMarshal.GetRawUtf8Value(entry), out var canonical, out _))
        {
            return false;
        }
        // From here on there is no key twice and no half surrogate.
        entry = JsonElement.Parse(canonical, new JsonDocumentOptions { MaxDepth = Limits.JsonDepthMax });
        if (ReadText(entry, "type"u8) is not { } type
            || ReadText(entry, "state_key"u8) is not { } stateKey
            || !UserId.TryParse(ReadText(entry, "sender"u8), out var sender)
            || !entry.TryGetProperty("content"u8, out var content) || content.ValueKind != JsonValueKind.Object)
        {
            return false;
        }
        json.WriteStartObject();
        json.WritePropertyName("content"u8);
        content.WriteTo(json);
        json.WriteString("sender"u8, sender.Value);
        json.WriteString("state_key"u8, stateKey);
        json.WriteString("type"u8, type);
        json.WriteEndObject();
        return true;
    }

    /// <summary>Reads the PDUs of an invite's or a knock's room state.</summary>
    /// <param name="entries">An array, as received.</param>
    /// <param name="rules">The rules of the room's version.</param>
    /// <param name="roomId">The room of the invite or knock.</param>
    /// <remarks>
    /// The spec lets servers accept less than this up to version 11, where many senders still strip the state: then
    /// <see cref="TryWrite"/> alone says what is usable. From version 12 a refusal here should refuse the invite.
    /// </remarks>
    public static StrippedStateResult Read(JsonElement entries, RoomVersionRules rules, RoomId roomId)
    {
        if (entries.ValueKind != JsonValueKind.Array)
            return Refuse("it is no array");
        var pdus = new List<Pdu>();
        foreach (var entry in entries.EnumerateArray())
        {
            if (pdus.Count == Limits.StrippedStateEntriesMax)
                return Refuse($"it has more than {Limits.StrippedStateEntriesMax} entries");
            // The limits on references are for what is sent now, and this may be old.
            var parsed = PduParser.Parse(
                JsonMarshal.GetRawUtf8Value(entry).ToArray(), rules, enforcesReferenceLimits: false);
            if (parsed is not PduParseResult.Parsed { Pdu: var pdu })
                return Refuse("an entry is no PDU of the room's version");
            if (!pdu.IsState)
                return Refuse("an entry is no state");
            if (pdu.RoomId != roomId)
                return Refuse("an entry is of another room");
            pdus.Add(pdu);
        }
        return pdus.Exists(pdu => pdu.IsCreate)
            ? new StrippedStateResult.Read(pdus)
            : Refuse("m.room.create is missing");
    }

    private static string? ReadText(JsonElement entry, ReadOnlySpan<byte> key) =>
        entry.TryGetProperty(key, out var text) && text.ValueKind == JsonValueKind.String ? text.GetString() : null;

    private static StrippedStateResult.Refused Refuse(string problem) =>
        new(MatrixError.InvalidParam($"The room state is malformed: {problem}."));
}

/// <summary>What became of the room state that came with an invite or a knock.</summary>
/// <remarks>Shape: closed, one of the two.</remarks>
public abstract record StrippedStateResult
{
    private StrippedStateResult()
    {
    }

    /// <summary>State PDUs of the room, the create PDU among them; their signatures are not checked yet.</summary>
    public sealed record Read(IReadOnlyList<Pdu> Pdus) : StrippedStateResult;

    /// <summary>Not what the spec asks for.</summary>
    public sealed record Refused(MatrixError Error) : StrippedStateResult;
}
