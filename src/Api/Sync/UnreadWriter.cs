using System.Text.Json;
using Matrix.EventSourced.Projections.Push;
using Matrix.EventSourced.Projections.Sync;

namespace Matrix.EventSourced.Api.Sync;

/// <summary>Writes how much of a joined room is unread.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #receiving-notifications. Shape: one count for the whole room, or, where the filter
/// asks for threads, one for the main timeline and one for each thread that has any.
/// </remarks>
internal static class UnreadWriter
{
    public static void Write(Utf8JsonWriter writer, IReadOnlyList<UnreadCount> unread, bool countsThreads)
    {
        var (notifications, highlights) = (0L, 0L);
        foreach (var count in unread)
        {
            if (countsThreads && count.ThreadId != PushProjection.MainThread)
                continue;
            notifications += count.Notifications;
            highlights += count.Highlights;
        }
        writer.WritePropertyName("unread_notifications"u8);
        WriteCounts(writer, notifications, highlights);
        if (!countsThreads)
            return;
        writer.WriteStartObject("unread_thread_notifications"u8);
        foreach (var count in unread)
        {
            if (count.ThreadId == PushProjection.MainThread)
                continue;
            writer.WritePropertyName(count.ThreadId);
            WriteCounts(writer, count.Notifications, count.Highlights);
        }
        writer.WriteEndObject();
    }

    private static void WriteCounts(Utf8JsonWriter writer, long notifications, long highlights)
    {
        writer.WriteStartObject();
        writer.WriteNumber("highlight_count"u8, highlights);
        writer.WriteNumber("notification_count"u8, notifications);
        writer.WriteEndObject();
    }
}
