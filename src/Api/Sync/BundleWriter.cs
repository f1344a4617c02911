using System.Text.Json;
using Matrix.EventSourced.Projections.Relations;
using Matrix.EventSourced.Projections.Roomserver;

namespace Matrix.EventSourced.Api.Sync;

/// <summary>Writes an event's bundled aggregations: <c>m.relations</c> inside <c>unsigned</c>.</summary>
/// <remarks>Spec: v1.19 client-server-api #aggregations-of-child-events.</remarks>
internal static class BundleWriter
{
    public static void Write(
        Utf8JsonWriter writer, EventBundle bundle, EventAudience audience, RoomHistory? history, bool withRoomId)
    {
        writer.WriteStartObject("m.relations"u8);
        if (bundle.Edit is { } edit)
        {
            writer.WritePropertyName("m.replace"u8);
            EventWriter.Write(writer, edit, audience, history, withRoomId);
        }
        if (bundle.Thread is { } thread)
            WriteThread(writer, thread, audience, history, withRoomId);
        if (bundle.References.Count > 0)
            WriteReferences(writer, bundle.References);
        writer.WriteEndObject();
    }

    private static void WriteThread(
        Utf8JsonWriter writer, ThreadSummary thread, EventAudience audience, RoomHistory? history, bool withRoomId)
    {
        // The latest event is shown with its own aggregations, which are no other event's here.
        var nested = new Dictionary<string, EventBundle>();
        if (thread.LatestBundle is { } bundle)
            nested[thread.Latest.EventId] = bundle;
        writer.WriteStartObject("m.thread"u8);
        writer.WritePropertyName("latest_event"u8);
        EventWriter.Write(writer, thread.Latest, audience with { Bundles = nested }, history, withRoomId);
        writer.WriteNumber("count"u8, thread.Count);
        writer.WriteBoolean("current_user_participated"u8, thread.HasParticipated);
        writer.WriteEndObject();
    }

    private static void WriteReferences(Utf8JsonWriter writer, IReadOnlyList<string> references)
    {
        writer.WriteStartObject("m.reference"u8);
        writer.WriteStartArray("chunk"u8);
        foreach (var eventId in references)
        {
            writer.WriteStartObject();
            writer.WriteString("event_id"u8, eventId);
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
        writer.WriteEndObject();
    }
}
