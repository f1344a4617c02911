using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Matrix.EventSourced.Commands.Roomserver.Room;

/// <summary>Small steps over the JSON of event contents.</summary>
internal static class JsonContent
{
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary><c>{}</c>.</summary>
    public static readonly JsonElement Empty = Build(static _ => { });

    /// <summary>Builds an object from the members that <paramref name="write"/> writes.</summary>
    public static JsonElement Build(Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        using (var json = new Utf8JsonWriter(buffer, Options))
        {
            json.WriteStartObject();
            write(json);
            json.WriteEndObject();
        }
        return JsonElement.Parse(buffer.WrittenSpan);
    }

    /// <summary>The object with some members replaced, added or (where the value is Undefined) left out.</summary>
    public static JsonElement With(
        JsonElement original, params IReadOnlyList<KeyValuePair<string, JsonElement>> changes) => Build(json =>
    {
        foreach (var member in original.EnumerateObject())
        {
            if (!Mentions(changes, member.Name))
                member.WriteTo(json);
        }
        foreach (var (name, value) in changes)
        {
            if (value.ValueKind == JsonValueKind.Undefined)
                continue;
            json.WritePropertyName(name);
            value.WriteTo(json);
        }
    });

    public static JsonElement Without(JsonElement original, string name) =>
        With(original, new KeyValuePair<string, JsonElement>(name, default));

    /// <summary>The object with a string member set; left out when the value is null.</summary>
    public static JsonElement WithString(JsonElement original, string name, string? value) =>
        With(original, new KeyValuePair<string, JsonElement>(name, value is null ? default : String(value)));

    public static JsonElement String(string value)
    {
        var buffer = new ArrayBufferWriter<byte>(value.Length + 16);
        using (var json = new Utf8JsonWriter(buffer, Options))
            json.WriteStringValue(value);
        return JsonElement.Parse(buffer.WrittenSpan);
    }

    /// <summary>A string member, or null where it is missing or something else.</summary>
    public static string? StringOrNull(this JsonElement content, string name) =>
        content.ValueKind == JsonValueKind.Object && content.TryGetProperty(name, out var value)
            && value.ValueKind == JsonValueKind.String
            ? value.GetString()
            : null;

    private static bool Mentions(IReadOnlyList<KeyValuePair<string, JsonElement>> changes, string name)
    {
        for (var i = 0; i < changes.Count; i++)
        {
            if (changes[i].Key == name)
                return true;
        }
        return false;
    }
}
