using System.Text.Json;
using Matrix.EventSourced.Facts.DelayedEvents;

namespace Matrix.EventSourced.Api.ClientApi.DelayedEvents;

/// <summary>A delayed event as MSC4140 shows it.</summary>
internal static class DelayedEventWriter
{
    /// <param name="json">Where it goes.</param>
    /// <param name="delayed">The event.</param>
    /// <param name="withOldNames">With <c>delay</c> and <c>running_since</c> too, as the list had them first.</param>
    public static void Write(Utf8JsonWriter json, DelayedEventChanged delayed, bool withOldNames)
    {
        json.WriteStartObject();
        json.WriteString("delay_id"u8, delayed.DelayId);
        json.WriteString("room_id"u8, delayed.RoomId.Value);
        json.WriteString("type"u8, delayed.Type);
        if (delayed.StateKey is { } stateKey)
            json.WriteString("state_key"u8, stateKey);
        json.WriteNumber("delay_ms"u8, delayed.DelayMs);
        json.WriteNumber("delayed_since_ts"u8, delayed.DelayedSinceTs);
        if (withOldNames)
        {
            json.WriteNumber("delay"u8, delayed.DelayMs);
            json.WriteNumber("running_since"u8, delayed.DelayedSinceTs);
        }
        json.WritePropertyName("content"u8);
        json.WriteRawValue(delayed.Content.Utf8.Span, skipInputValidation: true);
        if (delayed.Finalised is { } outcome)
            WriteOutcome(json, outcome);
        json.WriteEndObject();
    }

    private static void WriteOutcome(Utf8JsonWriter json, DelayedEventOutcome outcome)
    {
        json.WriteStartObject("finalised"u8);
        json.WriteNumber("finalised_ts"u8, outcome.FinalisedTs);
        if (outcome.EventId is { } eventId)
            json.WriteString("event_id"u8, eventId.Value);
        if (outcome.Error is { } error)
        {
            json.WritePropertyName("error"u8);
            json.WriteRawValue(error.Utf8.Span, skipInputValidation: true);
        }
        json.WriteEndObject();
    }
}
