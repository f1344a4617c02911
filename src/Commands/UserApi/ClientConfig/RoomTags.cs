using System.Buffers;
using System.Runtime.InteropServices;
using System.Text.Encodings.Web;
using System.Text.Json;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Protocol;

namespace Matrix.EventSourced.Commands.UserApi.ClientConfig;

/// <summary>Reads and changes the content of <c>m.tag</c>, <c>{"tags":{name:{…}}}</c>. Pure.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #room-tagging.
/// Shape: clients may set this account data directly, so anything may stand in it: what is no object counts as none.
/// Ensures: members beside <c>tags</c>, and tags that are not meant, stay as they are.
/// </remarks>
public static class RoomTags
{
    private static readonly JsonDocumentOptions AsDeepAsStored = new() { MaxDepth = Limits.AccountDataDepthMax };
    private static readonly JsonWriterOptions Relaxed = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The tags alone, as the endpoint answers them.</summary>
    public static RawJson Only(ReadOnlyMemory<byte>? content) => Write(writer =>
    {
        writer.WriteStartObject("tags"u8);
        foreach (var tag in TagsOf(Parse(content)))
            Copy(writer, tag);
        writer.WriteEndObject();
    });

    public static bool Has(RawJson content, string tag) =>
        Parse(content.Utf8) is { } parsed && TagsOf(parsed).Any(one => one.NameEquals(tag));

    public static bool HasAny(RawJson content) => TagsOf(Parse(content.Utf8)).Any();

    /// <summary>The content with one tag set, or without it where <paramref name="value"/> is null.</summary>
    public static RawJson With(RawJson? content, string tag, RawJson? value)
    {
        var parsed = Parse(content?.Utf8);
        return Write(writer =>
        {
            foreach (var member in MembersOf(parsed).Where(one => !one.NameEquals("tags"u8)))
                Copy(writer, member);
            writer.WriteStartObject("tags"u8);
            foreach (var other in TagsOf(parsed).Where(one => !one.NameEquals(tag)))
                Copy(writer, other);
            if (value is not null)
            {
                writer.WritePropertyName(tag);
                writer.WriteRawValue(value.Value.Utf8.Span, skipInputValidation: true);
            }
            writer.WriteEndObject();
        });
    }

    private static JsonElement? Parse(ReadOnlyMemory<byte>? content) =>
        content is { } utf8 ? JsonElement.Parse(utf8.Span, AsDeepAsStored) : null;

    private static IEnumerable<JsonProperty> MembersOf(JsonElement? holder) =>
        holder is { ValueKind: JsonValueKind.Object } parsed ? parsed.EnumerateObject() : [];

    private static IEnumerable<JsonProperty> TagsOf(JsonElement? content) =>
        content is { ValueKind: JsonValueKind.Object } parsed && parsed.TryGetProperty("tags"u8, out var tags)
            ? MembersOf(tags).Where(tag => tag.Value.ValueKind == JsonValueKind.Object)
            : [];

    private static void Copy(Utf8JsonWriter writer, JsonProperty member)
    {
        writer.WritePropertyName(member.Name);
        writer.WriteRawValue(JsonMarshal.GetRawUtf8Value(member.Value), skipInputValidation: true);
    }

    private static RawJson Write(Action<Utf8JsonWriter> members)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer, Relaxed))
        {
            writer.WriteStartObject();
            members(writer);
            writer.WriteEndObject();
        }
        return new RawJson(buffer.WrittenSpan.ToArray());
    }
}
