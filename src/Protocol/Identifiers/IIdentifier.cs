using System.Text.Json;
using System.Text.Json.Serialization;

namespace Matrix.EventSourced.Protocol.Identifiers;

/// <summary>
/// A Matrix identifier: one validated string. The default value is invalid and its <see cref="Value"/> throws.
/// </summary>
/// <remarks>
/// Spec: v1.19 appendices #identifier-grammar.
/// Shape: the text as received; equal texts are equal identifiers. Errors: TryParse answers false, never throws.
/// </remarks>
public interface IIdentifier<TSelf>
    where TSelf : struct, IIdentifier<TSelf>
{
    string Value { get; }

    static abstract bool TryParse(string? text, out TSelf identifier);
}

/// <summary>Reads and writes an identifier as its string; a malformed one is a <see cref="JsonException"/>.</summary>
/// <remarks>Shape: one JSON string, as a value or as a key. Cost: one string.</remarks>
public sealed class IdentifierJsonConverter<T> : JsonConverter<T>
    where T : struct, IIdentifier<T>
{
    public override T Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.String && T.TryParse(reader.GetString(), out var identifier)
            ? identifier
            : throw new JsonException($"Not a {typeof(T).Name}.");

    public override void Write(Utf8JsonWriter writer, T value, JsonSerializerOptions options) =>
        writer.WriteStringValue(value.Value);

    public override T ReadAsPropertyName(
        ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        T.TryParse(reader.GetString(), out var identifier) ? identifier
            : throw new JsonException($"Not a {typeof(T).Name}.");

    public override void WriteAsPropertyName(Utf8JsonWriter writer, T value, JsonSerializerOptions options) =>
        writer.WritePropertyName(value.Value);
}
