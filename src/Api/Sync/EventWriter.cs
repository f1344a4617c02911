// HOT
using System.Buffers;
using System.Text.Json;
using Matrix.EventSourced.Projections.Relations;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Protocol.Pdus;

namespace Matrix.EventSourced.Api.Sync;

/// <summary>For whom events are written, and when: what <c>unsigned</c> depends on.</summary>
/// <remarks>Units: NowMs, Unix milliseconds. UserId and DeviceId empty for a reader without a token.</remarks>
internal sealed record EventAudience(string UserId, string DeviceId, long NowMs)
{
    /// <summary>What is left of each event, as dot-separated paths; null: all.</summary>
    public string[]? EventFields { get; init; }

    public bool IsFederationFormat { get; init; }

    /// <summary>The bundled aggregations of the events that have some, by event id.</summary>
    public IReadOnlyDictionary<string, EventBundle>? Bundles { get; init; }
}

/// <summary>Writes stored PDUs as client events, with their <c>unsigned</c>.</summary>
/// <remarks>Spec: v1.19 client-server-api #room-event-format (ClientEvent, UnsignedData). Cost: one pass over the
/// stored bytes.</remarks>
internal static class EventWriter
{
    public static void WriteArray(
        Utf8JsonWriter writer,
        IReadOnlyList<StoredEvent> events,
        EventAudience audience,
        RoomHistory? history,
        bool withRoomId)
    {
        writer.WriteStartArray();
        for (var index = 0; index < events.Count; index++)
            Write(writer, events[index], audience, history, withRoomId);
        writer.WriteEndArray();
    }

    /// <param name="writer">Where the event goes.</param>
    /// <param name="stored">The event.</param>
    /// <param name="audience">The reader.</param>
    /// <param name="history">The reader's memberships; null where the reader was joined throughout.</param>
    /// <param name="withRoomId">False inside a /sync room, where the id is the key above.</param>
    public static void Write(
        Utf8JsonWriter writer, StoredEvent stored, EventAudience audience, RoomHistory? history, bool withRoomId)
    {
        if (audience.EventFields is not null)
        {
            WriteSelected(writer, stored, audience, history, withRoomId);
            return;
        }
        var format = audience.IsFederationFormat
            ? ClientEventFormat.Federation
            : withRoomId ? ClientEventFormat.WithRoomId : ClientEventFormat.WithoutRoomId;
        ClientEventWriter.Write(
            writer, stored.Pdu, format, unsigned => WriteUnsigned(unsigned, stored, audience, history, withRoomId));
    }

    private static void WriteUnsigned(
        Utf8JsonWriter writer, StoredEvent stored, EventAudience audience, RoomHistory? history, bool withRoomId)
    {
        if (audience.Bundles?.GetValueOrDefault(stored.EventId) is { } bundle)
            BundleWriter.Write(writer, bundle, audience, history, withRoomId);
        writer.WriteNumber("age"u8, audience.NowMs - stored.OriginServerTs);
        if (audience.UserId.Length > 0)
        {
            var membership = history?.MembershipAt(stored.Position) ?? Membership.Join;
            writer.WriteString("membership"u8, Memberships.Word(membership));
        }
        if (stored.TransactionId is not null && stored.Sender == audience.UserId)
            WriteTransaction(writer, stored, audience);
        if (stored.Replaces is not null)
        {
            writer.WriteString("replaces_state"u8, stored.Replaces);
            if (stored.Replaced is { } replaced)
            {
                var before = replaced.Parse();
                writer.WritePropertyName("prev_content"u8);
                writer.WriteRawValue(before.ContentUtf8.Span, skipInputValidation: true);
                writer.WriteString("prev_sender"u8, before.Sender.Value);
            }
        }
        if (stored.Redaction is { } redaction)
        {
            var because = redaction.Parse();
            writer.WritePropertyName("redacted_because"u8);
            ClientEventWriter.Write(
                writer,
                because,
                ClientEventFormat.WithRoomId,
                unsigned => unsigned.WriteNumber("age"u8, audience.NowMs - because.OriginServerTs));
        }
    }

    /// <summary>The transaction id is for the device that sent the event, the delay_id of MSC4140 for all of the
    /// sender's, under both of its names.</summary>
    private static void WriteTransaction(Utf8JsonWriter writer, StoredEvent stored, EventAudience audience)
    {
        if (stored.IsDelayed)
        {
            writer.WriteString("delay_id"u8, stored.TransactionId);
            writer.WriteString("org.matrix.msc4140.delay_id"u8, stored.TransactionId);
        }
        else if (stored.DeviceId == audience.DeviceId)
        {
            writer.WriteString("transaction_id"u8, stored.TransactionId);
        }
    }

    /// <summary>Writes the event aside and keeps the members that the reader asked for.</summary>
    private static void WriteSelected(
        Utf8JsonWriter writer, StoredEvent stored, EventAudience audience, RoomHistory? history, bool withRoomId)
    {
        var buffer = new ArrayBufferWriter<byte>(stored.Json.Length + 256);
        using (var aside = new Utf8JsonWriter(buffer, writer.Options))
            Write(aside, stored, audience with { EventFields = null }, history, withRoomId);
        using var document = JsonDocument.Parse(buffer.WrittenMemory);
        FieldSelection.Write(writer, document.RootElement, audience.EventFields!);
    }
}
