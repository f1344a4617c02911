using System.Text.Json;
using Matrix.EventSourced.Api.ClientApi.Ephemeral;
using Matrix.EventSourced.Projections.EduServer;
using Matrix.EventSourced.Projections.Sync;

namespace Matrix.EventSourced.Api.Sync;

/// <summary>Writes typing, receipts and presence as events of /sync.</summary>
/// <remarks>Spec: v1.19 client-server-api #typing-notifications, #receipts, #presence.</remarks>
internal static class EphemeralWriter
{
    /// <summary>The <c>ephemeral</c> section of a joined room.</summary>
    public static void WriteRoom(Utf8JsonWriter writer, SyncRoom room)
    {
        writer.WriteStartObject("ephemeral"u8);
        writer.WriteStartArray("events"u8);
        if (room.Typing is { } typing)
            WriteTyping(writer, typing);
        // One event per thread: a user may have a receipt in several threads on the same event.
        foreach (var thread in room.Receipts.GroupBy(static receipt => receipt.ThreadId, StringComparer.Ordinal))
            WriteReceipts(writer, thread);
        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    /// <summary>The <c>presence</c> section.</summary>
    public static void WritePresence(
        Utf8JsonWriter writer, List<UserPresence> presences, long nowMs, Func<string, long?> findLastActive)
    {
        writer.WriteStartObject("presence"u8);
        writer.WriteStartArray("events"u8);
        foreach (var presence in presences)
        {
            writer.WriteStartObject();
            writer.WriteString("type"u8, "m.presence"u8);
            writer.WriteString("sender"u8, presence.UserId);
            writer.WriteStartObject("content"u8);
            var lastActiveMs = findLastActive(presence.UserId) ?? presence.LastActiveMs;
            WritePresenceFields(writer, presence, lastActiveMs, nowMs);
            writer.WriteEndObject();
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    /// <summary>What both /sync and GET /presence say of a user.</summary>
    public static void WritePresenceFields(
        Utf8JsonWriter writer, UserPresence presence, long? lastActiveMs, long nowMs)
    {
        writer.WriteString("presence"u8, PresenceWords.Of(presence.Presence));
        if (lastActiveMs is { } active)
            writer.WriteNumber("last_active_ago"u8, Math.Max(nowMs - active, 0));
        writer.WriteBoolean("currently_active"u8, presence.IsCurrentlyActive);
        if (presence.StatusMsg is { } statusMsg)
            writer.WriteString("status_msg"u8, statusMsg);
    }

    internal static void WriteTyping(Utf8JsonWriter writer, string[] userIds)
    {
        writer.WriteStartObject();
        writer.WriteString("type"u8, "m.typing"u8);
        writer.WriteStartObject("content"u8);
        writer.WriteStartArray("user_ids"u8);
        foreach (var userId in userIds)
            writer.WriteStringValue(userId);
        writer.WriteEndArray();
        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    internal static void WriteReceipts(Utf8JsonWriter writer, IEnumerable<RoomReceipt> receipts)
    {
        writer.WriteStartObject();
        writer.WriteString("type"u8, "m.receipt"u8);
        writer.WriteStartObject("content"u8);
        foreach (var onEvent in receipts.GroupBy(static receipt => receipt.EventId, StringComparer.Ordinal))
        {
            writer.WriteStartObject(onEvent.Key);
            foreach (var ofType in onEvent.GroupBy(static receipt => receipt.Type, StringComparer.Ordinal))
            {
                writer.WriteStartObject(ofType.Key);
                foreach (var receipt in ofType)
                    WriteReceipt(writer, receipt);
                writer.WriteEndObject();
            }
            writer.WriteEndObject();
        }
        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    private static void WriteReceipt(Utf8JsonWriter writer, RoomReceipt receipt)
    {
        writer.WriteStartObject(receipt.UserId);
        writer.WriteNumber("ts"u8, receipt.Ts);
        if (receipt.ThreadId is { } thread)
            writer.WriteString("thread_id"u8, thread);
        writer.WriteEndObject();
    }
}
