using System.Buffers;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Matrix.EventSourced.Facts;

/// <summary>Writes raw JSON verbatim and reads it back as the bytes that stood there.</summary>
public sealed class RawJsonConverter : JsonConverter<RawJson>
{
    public override RawJson Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        // A document keeps the raw bytes of the value, where the reader alone would only walk over them.
        using var document = JsonDocument.ParseValue(ref reader);
        var text = System.Runtime.InteropServices.JsonMarshal.GetRawUtf8Value(document.RootElement);
        return new RawJson(text.ToArray());
    }

    public override void Write(Utf8JsonWriter writer, RawJson value, JsonSerializerOptions options) =>
        writer.WriteRawValue(value.Utf8.Span, skipInputValidation: true);
}
