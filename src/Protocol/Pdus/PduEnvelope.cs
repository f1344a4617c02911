using System.Text;
using System.Text.Json;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.RoomVersions;

namespace Matrix.EventSourced.Protocol.Pdus;

// HOT
/// <summary>What stands at the top level of a PDU, read in one pass; lists and objects stay slices until somebody
/// asks.</summary>
internal struct PduEnvelope
{
    public string? Type;
    public string? StateKey;
    public UserId? Sender;
    public RoomId? RoomId;
    public EventId? EventId;
    public EventId? Redacts;
    public long? OriginServerTs;
    public long? Depth;
    public JsonSlice Content;
    public JsonSlice PrevEvents;
    public JsonSlice AuthEvents;
    public JsonSlice Hashes;
    public JsonSlice Signatures;
    public JsonSlice Unsigned;

    /// <summary>Reads canonical bytes; returns what is wrong with a value, or null.</summary>
    public static string? Read(ReadOnlySpan<byte> canonical, RoomVersionRules rules, out PduEnvelope envelope)
    {
        envelope = default;
        var reader = NewReader(canonical);
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            return "a PDU is a JSON object";
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            // Keys with escapes are none of ours: ours need none, and the bytes are canonical.
            var key = reader.ValueSpan;
            reader.Read();
            var problem = envelope.ReadMember(key, ref reader);
            if (problem is not null)
                return problem;
        }
        return envelope.ReadRedactsInContent(canonical, rules);
    }

    internal static Utf8JsonReader NewReader(ReadOnlySpan<byte> json) =>
        new(json, new JsonReaderOptions { MaxDepth = Limits.JsonDepthMax });

    private string? ReadMember(ReadOnlySpan<byte> key, ref Utf8JsonReader reader)
    {
        if (key.SequenceEqual("content"u8))
            return ReadSlice(ref reader, JsonTokenType.StartObject, out Content) ? null : "content is no object";
        if (key.SequenceEqual("type"u8))
            return ReadType(ref reader);
        if (key.SequenceEqual("sender"u8))
            return ReadIdentifier(ref reader, out Sender) ? null : "sender is no user id";
        if (key.SequenceEqual("room_id"u8))
            return ReadIdentifier(ref reader, out RoomId) ? null : "room_id is no room id";
        if (key.SequenceEqual("event_id"u8))
            return ReadIdentifier(ref reader, out EventId) ? null : "event_id is no event id";
        if (key.SequenceEqual("state_key"u8))
            return (StateKey = ReadText(ref reader)) is not null ? null : "state_key is no string of at most 255 bytes";
        if (key.SequenceEqual("origin_server_ts"u8))
            return ReadInteger(ref reader, out OriginServerTs) ? null : "origin_server_ts is no integer";
        if (key.SequenceEqual("depth"u8))
            return ReadInteger(ref reader, out Depth) && Depth >= 0 ? null : "depth is no natural number";
        if (key.SequenceEqual("prev_events"u8))
            return ReadSlice(ref reader, JsonTokenType.StartArray, out PrevEvents) ? null : "prev_events is no array";
        if (key.SequenceEqual("auth_events"u8))
            return ReadSlice(ref reader, JsonTokenType.StartArray, out AuthEvents) ? null : "auth_events is no array";
        if (key.SequenceEqual("hashes"u8))
            return ReadSlice(ref reader, JsonTokenType.StartObject, out Hashes) ? null : "hashes is no object";
        if (key.SequenceEqual("signatures"u8))
            return ReadSlice(ref reader, JsonTokenType.StartObject, out Signatures) ? null : "signatures is no object";
        if (key.SequenceEqual("unsigned"u8))
            return ReadSlice(ref reader, JsonTokenType.StartObject, out Unsigned) ? null : "unsigned is no object";
        if (key.SequenceEqual("redacts"u8))
            ReadIdentifier(ref reader, out Redacts);
        reader.Skip();
        return null;
    }

    private string? ReadType(ref Utf8JsonReader reader)
    {
        if (reader.TokenType == JsonTokenType.String && !reader.ValueIsEscaped)
            Type = EventTypes.FindCommon(reader.ValueSpan);
        Type ??= ReadText(ref reader);
        return Type is not null ? null : "type is no string of at most 255 bytes";
    }

    /// <summary>Where the version keeps <c>redacts</c> in the content, the one at the top level means
    /// nothing.</summary>
    private string? ReadRedactsInContent(ReadOnlySpan<byte> canonical, RoomVersionRules rules)
    {
        if (Type != EventTypes.Redaction)
            Redacts = null;
        else if (rules.RedactsInContent)
        {
            Redacts = null;
            // Content that is missing is for the parser to refuse.
            if (!Content.IsPresent)
                return null;
            var reader = NewReader(Content.Of(canonical));
            if (JsonMembers.TryFind(ref reader, "redacts"u8))
                ReadIdentifier(ref reader, out Redacts);
        }
        return null;
    }

    private static bool ReadSlice(ref Utf8JsonReader reader, JsonTokenType expected, out JsonSlice slice)
    {
        slice = default;
        if (reader.TokenType != expected)
            return false;
        var start = (int)reader.TokenStartIndex;
        reader.Skip();
        slice = new JsonSlice(start, (int)reader.BytesConsumed - start);
        return true;
    }

    private static bool ReadIdentifier<T>(ref Utf8JsonReader reader, out T? identifier)
        where T : struct, IIdentifier<T>
    {
        identifier = null;
        if (reader.TokenType != JsonTokenType.String || !T.TryParse(reader.GetString(), out var parsed))
            return false;
        identifier = parsed;
        return true;
    }

    private static bool ReadInteger(ref Utf8JsonReader reader, out long? value)
    {
        value = reader.TokenType == JsonTokenType.Number && reader.TryGetInt64(out var number) ? number : null;
        return value is not null;
    }

    /// <summary>NOTSPEC: NUL is refused in type and state_key, since no server's database can keep it there.</summary>
    private static string? ReadText(ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.String)
            return null;
        var text = reader.GetString()!;
        return Encoding.UTF8.GetByteCount(text) <= Limits.IdentifierBytesMax && !text.Contains('\0') ? text : null;
    }
}
