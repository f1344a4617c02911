using System.Buffers;
using System.Text.Json;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.EduServer;
using Matrix.EventSourced.Facts.KeyServer;
using Matrix.EventSourced.Projections.EduServer;
using Matrix.EventSourced.Protocol.Json;

namespace Matrix.EventSourced.Federation.FedSender;

/// <summary>The EDUs of each kind of fact.</summary>
/// <remarks>
/// Spec: v1.19 server-server-api #typing-notifications, #receipts, #presence, #send-to-device-messaging,
/// #device-management, #end-to-end-encryption.
/// A kind stands here and in <see cref="Projections.FedSender.EduAudience"/>, which says to whom it goes.
/// </remarks>
public sealed class OutgoingEdus : IOutgoingEdus
{
    public IReadOnlyList<ReadOnlyMemory<byte>> From(IFact fact) => fact switch
    {
        TypingChanged typing => [Edu("m.typing", json => Write(json, typing))],
        ReceiptRecorded { Type: ReceiptTypes.Read } receipt => [Edu("m.receipt", json => Write(json, receipt))],
        PresenceChanged presence => [Edu("m.presence", json => Write(json, presence))],
        ToDeviceSent sent => [Edu("m.direct_to_device", json => Write(json, sent))],
        DeviceListUpdated updated => [Edu("m.device_list_update", json => Write(json, updated))],
        CrossSigningKeysChanged changed => [Edu("m.signing_key_update", json => Write(json, changed))],
        _ => [],
    };

    private static byte[] Edu(string type, Action<Utf8JsonWriter> content)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("edu_type"u8, type);
            json.WriteStartObject("content"u8);
            content(json);
            json.WriteEndObject();
            json.WriteEndObject();
        }
        return CanonicalJson.Canonicalise(buffer.WrittenSpan);
    }

    private static void Write(Utf8JsonWriter json, TypingChanged typing)
    {
        json.WriteString("room_id"u8, typing.RoomId.Value);
        json.WriteString("user_id"u8, typing.UserId.Value);
        json.WriteBoolean("typing"u8, typing.IsTyping);
    }

    private static void Write(Utf8JsonWriter json, ReceiptRecorded receipt)
    {
        json.WriteStartObject(receipt.RoomId.Value);
        json.WriteStartObject(receipt.Type);
        json.WriteStartObject(receipt.UserId.Value);
        json.WriteStartArray("event_ids"u8);
        json.WriteStringValue(receipt.EventId.Value);
        json.WriteEndArray();
        json.WriteStartObject("data"u8);
        json.WriteNumber("ts"u8, receipt.Ts);
        if (receipt.ThreadId is { } thread)
            json.WriteString("thread_id"u8, thread);
        json.WriteEndObject();
        json.WriteEndObject();
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, PresenceChanged presence)
    {
        json.WriteStartArray("push"u8);
        json.WriteStartObject();
        json.WriteString("user_id"u8, presence.UserId.Value);
        json.WriteString("presence"u8, Word(presence.Presence));
        // As of the fact: the same fact makes the same bytes whenever it is sent.
        json.WriteNumber("last_active_ago"u8, Math.Max(presence.ChangedAtMs - presence.LastActiveMs, 0));
        json.WriteBoolean("currently_active"u8, presence.IsCurrentlyActive);
        if (presence.StatusMsg is { } statusMsg)
            json.WriteString("status_msg"u8, statusMsg);
        json.WriteEndObject();
        json.WriteEndArray();
    }

    private static void Write(Utf8JsonWriter json, ToDeviceSent sent)
    {
        json.WriteString("sender"u8, sent.Sender.Value);
        json.WriteString("type"u8, sent.Type);
        json.WriteString("message_id"u8, sent.MessageId);
        json.WriteStartObject("messages"u8);
        json.WriteStartObject(sent.Recipient.Value);
        foreach (var message in sent.Messages)
        {
            json.WritePropertyName(message.DeviceId);
            json.WriteRawValue(message.Content.Utf8.Span, skipInputValidation: true);
        }
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, DeviceListUpdated updated)
    {
        json.WriteString("user_id"u8, updated.UserId.Value);
        json.WriteString("device_id"u8, updated.DeviceId);
        json.WriteNumber("stream_id"u8, updated.StreamId);
        json.WriteStartArray("prev_id"u8);
        if (updated.PrevId is { } prev)
            json.WriteNumberValue(prev);
        json.WriteEndArray();
        if (updated.IsDeleted)
            json.WriteBoolean("deleted"u8, true);
        if (updated.DisplayName is { } name)
            json.WriteString("device_display_name"u8, name);
        WriteKey(json, "keys"u8, updated.Keys);
    }

    private static void Write(Utf8JsonWriter json, CrossSigningKeysChanged changed)
    {
        json.WriteString("user_id"u8, changed.UserId.Value);
        WriteKey(json, "master_key"u8, changed.MasterKey);
        WriteKey(json, "self_signing_key"u8, changed.SelfSigningKey);
    }

    private static void WriteKey(Utf8JsonWriter json, ReadOnlySpan<byte> name, RawJson? key)
    {
        if (key is not { } value)
            return;
        json.WritePropertyName(name);
        json.WriteRawValue(value.Utf8.Span, skipInputValidation: true);
    }

    private static string Word(PresenceState presence) => presence switch
    {
        PresenceState.Online => "online",
        PresenceState.Unavailable => "unavailable",
        _ => "offline",
    };
}
