using System.Text.Json;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Projections.Sync;
using Matrix.EventSourced.Projections.ToDevice;
using Matrix.EventSourced.Projections.UserApi;

namespace Matrix.EventSourced.Api.Sync;

/// <summary>Writes a sync answer as JSON, straight from stored bytes.</summary>
/// <remarks>Spec: v1.19 client-server-api #get_matrixclientv3sync. Shape: every section is there, also when it is
/// empty; <c>device_lists</c> in an incremental sync only.</remarks>
internal sealed class SyncResponseWriter(
    SyncAnswer answer,
    EventAudience audience,
    bool useStateAfter,
    bool countsThreads,
    Func<string, long?> findLastActive)
{
    public void Write(Utf8JsonWriter writer)
    {
        writer.WriteStartObject();
        writer.WriteString("next_batch"u8, SyncTokens.Write(answer.NextBatch, answer.ToDeviceUpTo));
        WriteAccountData(writer, answer.AccountData);
        EphemeralWriter.WritePresence(writer, answer.Presence, audience.NowMs, findLastActive);
        WriteToDevice(writer, answer.ToDevice);
        DeviceListWriter.Write(writer, answer.DeviceLists, answer.KeySupply);
        WriteRooms(writer);
        writer.WriteEndObject();
    }

    private void WriteRooms(Utf8JsonWriter writer)
    {
        writer.WriteStartObject("rooms"u8);
        writer.WriteStartObject("join"u8);
        foreach (var room in answer.Joined)
            WriteRoom(writer, room, isJoined: true);
        writer.WriteEndObject();
        WriteInvites(writer, "invite"u8, "invite_state"u8, answer.Invited);
        WriteInvites(writer, "knock"u8, "knock_state"u8, answer.Knocked);
        writer.WriteStartObject("leave"u8);
        foreach (var room in answer.Left)
            WriteRoom(writer, room, isJoined: false);
        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    private void WriteRoom(Utf8JsonWriter writer, SyncRoom room, bool isJoined)
    {
        writer.WriteStartObject(room.RoomId);
        if (room.Summary is { } summary)
            WriteSummary(writer, summary);
        writer.WriteStartObject(useStateAfter ? "state_after"u8 : "state"u8);
        writer.WritePropertyName("events"u8);
        EventWriter.WriteArray(writer, room.State, audience, room.History, withRoomId: false);
        writer.WriteEndObject();
        writer.WriteStartObject("timeline"u8);
        writer.WritePropertyName("events"u8);
        EventWriter.WriteArray(writer, room.Timeline, audience, room.History, withRoomId: false);
        writer.WriteBoolean("limited"u8, room.IsLimited);
        writer.WriteString("prev_batch"u8, SyncTokens.Write(room.PrevBatch));
        writer.WriteEndObject();
        WriteAccountData(writer, room.AccountData);
        if (isJoined)
        {
            EphemeralWriter.WriteRoom(writer, room);
            UnreadWriter.Write(writer, room.Unread, countsThreads);
        }
        writer.WriteEndObject();
    }

    private static void WriteSummary(Utf8JsonWriter writer, RoomSummary summary)
    {
        writer.WriteStartObject("summary"u8);
        writer.WriteStartArray("m.heroes"u8);
        foreach (var hero in summary.Heroes)
            writer.WriteStringValue(hero);
        writer.WriteEndArray();
        writer.WriteNumber("m.joined_member_count"u8, summary.Joined);
        writer.WriteNumber("m.invited_member_count"u8, summary.Invited);
        writer.WriteEndObject();
    }

    private static void WriteInvites(
        Utf8JsonWriter writer, ReadOnlySpan<byte> section, ReadOnlySpan<byte> state, List<SyncInvite> invites)
    {
        writer.WriteStartObject(section);
        foreach (var invite in invites)
        {
            writer.WriteStartObject(invite.RoomId);
            writer.WriteStartObject(state);
            writer.WriteStartArray("events"u8);
            WriteStripped(writer, invite);
            writer.WriteEndArray();
            writer.WriteEndObject();
            writer.WriteEndObject();
        }
        writer.WriteEndObject();
    }

    /// <summary>The stripped state as it came, and the member event itself where it does not hold that.</summary>
    internal static void WriteStripped(Utf8JsonWriter writer, SyncInvite invite)
    {
        using var document = JsonDocument.Parse(invite.StrippedState);
        var hasMember = false;
        foreach (var stripped in document.RootElement.EnumerateArray())
        {
            stripped.WriteTo(writer);
            hasMember |= IsOf(stripped, invite.Member);
        }
        if (hasMember)
            return;
        var pdu = invite.Member.Pdu;
        writer.WriteStartObject();
        writer.WriteString("type"u8, pdu.Type);
        writer.WriteString("state_key"u8, pdu.StateKey);
        writer.WriteString("sender"u8, pdu.Sender.Value);
        writer.WritePropertyName("content"u8);
        writer.WriteRawValue(pdu.ContentUtf8.Span, skipInputValidation: true);
        writer.WriteEndObject();
    }

    private static bool IsOf(JsonElement stripped, StoredEvent member) =>
        stripped.ValueKind == JsonValueKind.Object
        && stripped.TryGetProperty("type"u8, out var type) && type.ValueEquals(member.Type)
        && stripped.TryGetProperty("state_key"u8, out var key) && key.ValueEquals(member.StateKey);

    private static void WriteAccountData(Utf8JsonWriter writer, List<AccountDataEntry> entries)
    {
        writer.WriteStartObject("account_data"u8);
        writer.WriteStartArray("events"u8);
        foreach (var entry in entries)
            WriteAccountData(writer, entry);
        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    internal static void WriteAccountData(Utf8JsonWriter writer, AccountDataEntry entry)
    {
        writer.WriteStartObject();
        writer.WriteString("type"u8, entry.Type);
        writer.WritePropertyName("content"u8);
        writer.WriteRawValue(entry.ContentUtf8.Span, skipInputValidation: true);
        writer.WriteEndObject();
    }

    private static void WriteToDevice(Utf8JsonWriter writer, List<PendingMessage> messages)
    {
        writer.WriteStartObject("to_device"u8);
        WriteToDeviceEvents(writer, messages);
        writer.WriteEndObject();
    }

    internal static void WriteToDeviceEvents(Utf8JsonWriter writer, List<PendingMessage> messages)
    {
        writer.WriteStartArray("events"u8);
        foreach (var message in messages)
        {
            writer.WriteStartObject();
            writer.WriteString("type"u8, message.Type);
            writer.WriteString("sender"u8, message.Sender);
            writer.WritePropertyName("content"u8);
            writer.WriteRawValue(message.ContentUtf8.Span, skipInputValidation: true);
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
    }
}
