using System.Text.Json;
using Matrix.EventSourced.Protocol.Pdus;

namespace Matrix.EventSourced.Projections.Search;

/// <summary>The text of an event that is searched, and the key that it is searched by.</summary>
/// <remarks>Spec: v1.19 client-server-api #room_events. Shape: the key is one of <see cref="Keys"/>.</remarks>
public sealed record SearchText(string Key, string Text)
{
    public const string Body = "content.body";
    public const string Name = "content.name";
    public const string Topic = "content.topic";

    /// <summary>All keys, which is what a search without any asks for.</summary>
    public static readonly string[] Keys = [Body, Name, Topic];

    /// <summary>Most PDUs say nothing: a look at the bytes is cheaper than parsing them.</summary>
    public static bool MayBeIn(ReadOnlySpan<byte> pduUtf8) =>
        pduUtf8.IndexOf("\"m.room.message\""u8) >= 0
        || pduUtf8.IndexOf("\"m.room.name\""u8) >= 0
        || pduUtf8.IndexOf("\"m.room.topic\""u8) >= 0;

    /// <summary>The event's text, or null when there is nothing to search in it.</summary>
    public static SearchText? Find(Pdu pdu)
    {
        var (key, text) = (pdu.Type, pdu.StateKey) switch
        {
            ("m.room.message", null) => (Body, pdu.FindContentString("body"u8)),
            ("m.room.name", "") => (Name, pdu.FindContentString("name"u8)),
            ("m.room.topic", "") => (Topic, TopicOf(pdu)),
            _ => (Body, null),
        };
        // A text of PostgreSQL holds no U+0000.
        text = text?.Replace('\0', ' ');
        return string.IsNullOrWhiteSpace(text) ? null : new(key, text);
    }

    private static string? TopicOf(Pdu pdu)
    {
        var plain = pdu.FindContentString("topic"u8);
        var rich = RichTopicOf(pdu.Content);
        return rich is null || rich == plain ? plain : $"{plain}\n{rich}";
    }

    /// <summary>
    /// The <c>text/plain</c> representation of <c>m.topic</c>; a representation without a type is that.
    /// </summary>
    private static string? RichTopicOf(JsonElement content)
    {
        if (!content.TryGetProperty("m.topic"u8, out var topic)
            || topic.ValueKind != JsonValueKind.Object
            || !topic.TryGetProperty("m.text"u8, out var representations)
            || representations.ValueKind != JsonValueKind.Array)
        {
            return null;
        }
        foreach (var representation in representations.EnumerateArray())
        {
            if (representation.ValueKind != JsonValueKind.Object)
                continue;
            var isPlain = !representation.TryGetProperty("mimetype"u8, out var type)
                || (type.ValueKind == JsonValueKind.String && type.ValueEquals("text/plain"u8));
            if (isPlain
                && representation.TryGetProperty("body"u8, out var body)
                && body.ValueKind == JsonValueKind.String)
            {
                return body.GetString();
            }
        }
        return null;
    }
}
