using System.Text.Json;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Projections.Sync;
using Matrix.EventSourced.Protocol;

namespace Matrix.EventSourced.Api.Sync;

/// <summary>Reads the spec's filters. A value of the wrong type makes the filter invalid; unknown members are left
/// alone.</summary>
/// <remarks>Spec: v1.19 client-server-api #filtering.</remarks>
internal static class FilterReader
{
    private static readonly JsonDocumentOptions Options = new() { MaxDepth = Limits.JsonDepthMax };

    /// <summary>A whole filter, as /sync takes it; null when it is none.</summary>
    public static SyncFilter? FindSyncFilter(ReadOnlyMemory<byte> utf8) => Parse(utf8, ReadSyncFilter);

    /// <summary>A RoomEventFilter, as /messages and /context take it; null when it is none.</summary>
    public static EventFilter? FindEventFilter(ReadOnlyMemory<byte> utf8) => Parse(utf8, ReadEventFilter);

    private static T? Parse<T>(ReadOnlyMemory<byte> utf8, Func<JsonElement, T> read)
        where T : class
    {
        try
        {
            using var document = JsonDocument.Parse(utf8, Options);
            return document.RootElement.ValueKind == JsonValueKind.Object ? read(document.RootElement) : null;
        }
        catch (Exception exception) when (exception is JsonException or FormatException)
        {
            return null;
        }
    }

    private static SyncFilter ReadSyncFilter(JsonElement filter)
    {
        var room = Object(filter, "room"u8);
        return new()
        {
            EventFields = Strings(filter, "event_fields"u8),
            IsFederationFormat = Word(filter, "event_format"u8) == "federation",
            AccountData = ReadEventFilter(Object(filter, "account_data"u8)),
            Presence = ReadEventFilter(Object(filter, "presence"u8)),
            Ephemeral = ReadEventFilter(Object(room, "ephemeral"u8)),
            Rooms = Strings(room, "rooms"u8),
            NotRooms = Strings(room, "not_rooms"u8),
            IncludeLeave = Flag(room, "include_leave"u8) ?? false,
            RoomAccountData = ReadEventFilter(Object(room, "account_data"u8)),
            State = ReadEventFilter(Object(room, "state"u8)),
            Timeline = ReadEventFilter(Object(room, "timeline"u8)),
            CountsThreads = Flag(Object(room, "timeline"u8), "unread_thread_notifications"u8) ?? false,
        };
    }

    private static EventFilter ReadEventFilter(JsonElement filter) => new()
    {
        Limit = Number(filter, "limit"u8),
        Types = Strings(filter, "types"u8),
        NotTypes = Strings(filter, "not_types"u8),
        Senders = Strings(filter, "senders"u8),
        NotSenders = Strings(filter, "not_senders"u8),
        Rooms = Strings(filter, "rooms"u8),
        NotRooms = Strings(filter, "not_rooms"u8),
        ContainsUrl = Flag(filter, "contains_url"u8),
        LazyLoadMembers = Flag(filter, "lazy_load_members"u8) ?? false,
        IncludeRedundantMembers = Flag(filter, "include_redundant_members"u8) ?? false,
    };

    private static JsonElement? Member(JsonElement owner, ReadOnlySpan<byte> name) =>
        owner.ValueKind == JsonValueKind.Object
        && owner.TryGetProperty(name, out var value)
        && value.ValueKind != JsonValueKind.Null
            ? value
            : null;

    private static JsonElement Object(JsonElement owner, ReadOnlySpan<byte> name) => Member(owner, name) switch
    {
        null => default,
        { ValueKind: JsonValueKind.Object } value => value,
        _ => throw new FormatException("A section of a filter must be an object."),
    };

    private static string[]? Strings(JsonElement owner, ReadOnlySpan<byte> name)
    {
        if (Member(owner, name) is not { } value)
            return null;
        if (value.ValueKind != JsonValueKind.Array)
            throw new FormatException("A list of a filter must be an array.");
        var strings = new List<string>();
        foreach (var element in value.EnumerateArray())
        {
            strings.Add(element.ValueKind == JsonValueKind.String
                ? element.GetString()!.Replace("\0", string.Empty, StringComparison.Ordinal)
                : throw new FormatException("A list of a filter holds strings."));
        }
        return [.. strings];
    }

    private static string? Word(JsonElement owner, ReadOnlySpan<byte> name) =>
        Member(owner, name) is { ValueKind: JsonValueKind.String } value ? value.GetString() : null;

    private static bool? Flag(JsonElement owner, ReadOnlySpan<byte> name) => Member(owner, name) switch
    {
        null => null,
        { ValueKind: JsonValueKind.True } => true,
        { ValueKind: JsonValueKind.False } => false,
        _ => throw new FormatException("A switch of a filter must be true or false."),
    };

    private static int? Number(JsonElement owner, ReadOnlySpan<byte> name)
    {
        if (Member(owner, name) is not { } value)
            return null;
        return value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number) && number >= 0
            ? number
            : throw new FormatException("A limit of a filter must be a whole number.");
    }
}
