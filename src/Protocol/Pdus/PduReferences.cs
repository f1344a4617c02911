using System.Text.Json;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.RoomVersions;

namespace Matrix.EventSourced.Protocol.Pdus;

/// <summary>Reads <c>prev_events</c> and <c>auth_events</c>: ids, or pairs of id and hashes in room versions 1 and
/// 2.</summary>
internal static class PduReferences
{
    /// <summary>The ids in the order of the array, or null if an entry is not of the version's form.</summary>
    public static EventId[]? Read(ReadOnlySpan<byte> json, RoomVersionRules rules)
    {
        if (json.Length <= 2)
            return [];
        var eventIds = new List<EventId>(4);
        var reader = PduEnvelope.NewReader(json);
        reader.Read();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (rules.ReferencesArePairs && !TryEnterPair(ref reader))
                return null;
            if (reader.TokenType != JsonTokenType.String || !EventId.TryParse(reader.GetString(), out var eventId))
                return null;
            eventIds.Add(eventId);
            if (rules.ReferencesArePairs && !TryLeavePair(ref reader))
                return null;
        }
        return [.. eventIds];
    }

    private static bool TryEnterPair(ref Utf8JsonReader reader) =>
        reader.TokenType == JsonTokenType.StartArray && reader.Read();

    /// <summary>The hashes are read over: nothing is ever decided by them.</summary>
    private static bool TryLeavePair(ref Utf8JsonReader reader)
    {
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            return false;
        reader.Skip();
        return reader.Read() && reader.TokenType == JsonTokenType.EndArray;
    }
}
