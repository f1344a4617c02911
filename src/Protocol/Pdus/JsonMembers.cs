using System.Text.Json;

namespace Matrix.EventSourced.Protocol.Pdus;

/// <summary>Finds members of objects in bytes that are known to be JSON.</summary>
internal static class JsonMembers
{
    /// <summary>Moves a fresh reader to the value of a member of the object it starts with; false if there is no such
    /// member.</summary>
    public static bool TryFind(ref Utf8JsonReader reader, ReadOnlySpan<byte> key)
    {
        if (reader.TokenType == JsonTokenType.None)
            reader.Read();
        if (reader.TokenType != JsonTokenType.StartObject)
            return false;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var isFound = reader.ValueTextEquals(key);
            reader.Read();
            if (isFound)
                return true;
            reader.Skip();
        }
        return false;
    }

    /// <summary>The string at a path of keys, or null if something else or nothing is there.</summary>
    public static string? FindString(ReadOnlySpan<byte> json, ReadOnlySpan<byte> key)
    {
        var reader = PduEnvelope.NewReader(json);
        return TryFind(ref reader, key) && reader.TokenType == JsonTokenType.String ? reader.GetString() : null;
    }
}
