using System.Text.Json;

namespace Matrix.EventSourced.Protocol.Pdus;

/// <summary>In which form a client sees an event.</summary>
/// <remarks>Spec: v1.19 client-server-api #room-event-format. Shape: a filter's event_format chooses between the first
/// and the others.</remarks>
public enum ClientEventFormat
{
    /// <summary>As servers exchange it, with its id and its unsigned members.</summary>
    Federation,

    /// <summary>The client form, for answers that mix rooms.</summary>
    WithRoomId,

    /// <summary>The client form where the answer says the room around it: /sync.</summary>
    WithoutRoomId,
}

// HOT
/// <summary>Writes PDUs as clients see them.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #room-event-format, #redactions: what a redaction redacts stands at the top level and
/// in the content,
/// whatever the room version.
/// Requires: a writer whose encoder escapes no more than JSON must; the content is copied, never parsed.
/// </remarks>
public static class ClientEventWriter
{
    /// <param name="json">Where the object goes.</param>
    /// <param name="pdu">The PDU.</param>
    /// <param name="format">The form.</param>
    /// <param name="writeUnsignedMembers">Writes the members of <c>unsigned</c>, which is left out when null.</param>
    public static void Write(
        Utf8JsonWriter json, Pdu pdu, ClientEventFormat format, Action<Utf8JsonWriter>? writeUnsignedMembers)
    {
        json.WriteStartObject();
        if (format == ClientEventFormat.Federation)
            WriteFederationMembers(json, pdu);
        else
            WriteClientMembers(json, pdu, format);
        if (writeUnsignedMembers is not null)
        {
            json.WriteStartObject("unsigned"u8);
            writeUnsignedMembers(json);
            json.WriteEndObject();
        }
        json.WriteEndObject();
    }

    private static void WriteClientMembers(Utf8JsonWriter json, Pdu pdu, ClientEventFormat format)
    {
        json.WritePropertyName("content"u8);
        WriteContent(json, pdu);
        json.WriteString("event_id"u8, pdu.EventId.Value);
        json.WriteNumber("origin_server_ts"u8, pdu.OriginServerTs);
        if (pdu.Redacts is { } redacts)
            json.WriteString("redacts"u8, redacts.Value);
        if (format == ClientEventFormat.WithRoomId)
            json.WriteString("room_id"u8, pdu.RoomId.Value);
        json.WriteString("sender"u8, pdu.Sender.Value);
        if (pdu.StateKey is { } stateKey)
            json.WriteString("state_key"u8, stateKey);
        json.WriteString("type"u8, pdu.Type);
    }

    private static void WriteContent(Utf8JsonWriter json, Pdu pdu)
    {
        if (pdu.Redacts is not { } redacts || pdu.Rules.RedactsInContent)
        {
            json.WriteRawValue(pdu.ContentUtf8.Span, skipInputValidation: true);
            return;
        }
        json.WriteStartObject();
        var members = new CanonicalMembers(pdu.ContentUtf8.Span);
        while (members.MoveNext())
        {
            if (members.Key.SequenceEqual("redacts"u8))
                continue;
            WriteMember(json, ref members);
        }
        json.WriteString("redacts"u8, redacts.Value);
        json.WriteEndObject();
    }

    private static void WriteFederationMembers(Utf8JsonWriter json, Pdu pdu)
    {
        // An event_id in a PDU whose id is its hash is anybody's invention and must not pass for the id.
        json.WriteString("event_id"u8, pdu.EventId.Value);
        var members = new CanonicalMembers(pdu.Json.Span);
        while (members.MoveNext())
        {
            if (!members.Key.SequenceEqual("unsigned"u8) && !members.Key.SequenceEqual("event_id"u8))
                WriteMember(json, ref members);
        }
    }

    /// <summary>Keys may hold escapes, so they go through a reader.</summary>
    private static void WriteMember(Utf8JsonWriter json, ref CanonicalMembers members)
    {
        if (members.Key.Contains((byte)'\\'))
        {
            var reader = new Utf8JsonReader(members.Member[..(members.Key.Length + 2)]);
            reader.Read();
            json.WritePropertyName(reader.GetString()!);
        }
        else
        {
            json.WritePropertyName(members.Key);
        }
        json.WriteRawValue(members.Value, skipInputValidation: true);
    }
}
