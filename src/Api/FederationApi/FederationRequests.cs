using System.Globalization;
using System.Text.Json;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Api.FederationApi;

/// <summary>Small steps that the federation endpoints share: reading parameters, and writing PDUs.</summary>
internal static class FederationRequests
{
    public static bool TryGetRoomId(this MatrixRequest request, out RoomId roomId, out MatrixError error)
    {
        error = MatrixError.InvalidParam("The path must name a room.");
        return RoomId.TryParse(request.Path("roomId"), out roomId);
    }

    public static bool TryGetEventId(
        this MatrixRequest request, string? text, out EventId eventId, out MatrixError error)
    {
        error = text is null or "" ? MatrixError.MissingParam("event_id is needed.")
            : MatrixError.InvalidParam("This is no event id.");
        return EventId.TryParse(text, out eventId);
    }

    /// <summary>A number of the query between 1 and a bound; the bound where none is given.</summary>
    public static bool TryGetLimit(this MatrixRequest request, int most, out int limit)
    {
        limit = most;
        if (request.Query("limit") is not { } text)
            return true;
        if (!long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value))
            return false;
        limit = (int)Math.Min(value, most);
        return true;
    }

    public static void WritePdus(this Utf8JsonWriter json, ReadOnlySpan<byte> name, IEnumerable<RoomserverPdu> pdus)
    {
        json.WriteStartArray(name);
        foreach (var pdu in pdus)
            json.WriteRawValue(pdu.Json.Span, skipInputValidation: true);
        json.WriteEndArray();
    }

    public static void WriteIds(this Utf8JsonWriter json, ReadOnlySpan<byte> name, IEnumerable<EventId> eventIds)
    {
        json.WriteStartArray(name);
        foreach (var eventId in eventIds)
            json.WriteStringValue(eventId.Value);
        json.WriteEndArray();
    }
}
