using System.Text.Json;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.State;

namespace Matrix.EventSourced.Facts;

/// <summary>Small steps over a <see cref="Utf8JsonReader"/> for the hand-written readers. Anything unexpected is a
/// <see cref="JsonException"/>.</summary>
// HOT
internal static class FactJsonReading
{
    public static void EnterObject(ref Utf8JsonReader reader) => Expect(ref reader, JsonTokenType.StartObject);

    public static void EnterArray(ref Utf8JsonReader reader) => Expect(ref reader, JsonTokenType.StartArray);

    public static void LeaveArray(ref Utf8JsonReader reader) => Expect(ref reader, JsonTokenType.EndArray);

    /// <summary>Goes to the next member's name; false at the end of the object.</summary>
    public static bool NextMember(ref Utf8JsonReader reader)
    {
        Advance(ref reader);
        return reader.TokenType == JsonTokenType.PropertyName;
    }

    /// <summary>Goes to the next element; false at the end of the array.</summary>
    public static bool NextElement(ref Utf8JsonReader reader)
    {
        Advance(ref reader);
        return reader.TokenType != JsonTokenType.EndArray;
    }

    public static string String(ref Utf8JsonReader reader)
    {
        Expect(ref reader, JsonTokenType.String);
        return reader.GetString()!;
    }

    public static long Integer(ref Utf8JsonReader reader)
    {
        Expect(ref reader, JsonTokenType.Number);
        return reader.GetInt64();
    }

    public static T Identifier<T>(ref Utf8JsonReader reader)
        where T : struct, IIdentifier<T>
    {
        Expect(ref reader, JsonTokenType.String);
        return CurrentIdentifier<T>(ref reader);
    }

    /// <summary>The identifier on which the reader stands already.</summary>
    public static T CurrentIdentifier<T>(ref Utf8JsonReader reader)
        where T : struct, IIdentifier<T>
    {
        if (reader.TokenType != JsonTokenType.String || !T.TryParse(reader.GetString(), out var identifier))
            throw new JsonException($"Not a {typeof(T).Name}.");
        return identifier;
    }

    public static StateRoot Root(ref Utf8JsonReader reader)
    {
        Expect(ref reader, JsonTokenType.String);
        Span<char> text = stackalloc char[StateRoot.TextLength];
        if (reader.ValueSpan.Length != StateRoot.TextLength || reader.CopyString(text) != StateRoot.TextLength
            || !StateRoot.TryParse(text, out var root))
            throw new JsonException("Not a state root.");
        return root;
    }

    /// <summary>The bytes of the next value where they stand, not copied.</summary>
    public static ReadOnlyMemory<byte> Raw(ref Utf8JsonReader reader, ReadOnlyMemory<byte> source)
    {
        Advance(ref reader);
        var start = (int)reader.TokenStartIndex;
        reader.Skip();
        return source[start..(int)reader.BytesConsumed];
    }

    /// <summary>A member that is not known here was added by a newer version, which is free to add optional
    /// ones.</summary>
    public static void SkipValue(ref Utf8JsonReader reader)
    {
        Advance(ref reader);
        reader.Skip();
    }

    public static JsonException Missing(string member) => new($"'{member}' is missing.");

    private static void Expect(ref Utf8JsonReader reader, JsonTokenType token)
    {
        Advance(ref reader);
        if (reader.TokenType != token)
            throw new JsonException($"Expected {token}, found {reader.TokenType}.");
    }

    private static void Advance(ref Utf8JsonReader reader)
    {
        if (!reader.Read())
            throw new JsonException("The value ends too early.");
    }
}
