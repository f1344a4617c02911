using System.Text.Json;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Api.ClientApi.Account;

/// <summary>Checks that a filter is one; members that the spec does not know are let through.</summary>
/// <remarks>Spec: v1.19 client-server-api #post_matrixclientv3useruseridfilter. Errors: M_BAD_JSON.</remarks>
internal static class FilterShape
{
    public static MatrixError? FindProblem(JsonElement filter) =>
        Strings(filter, "event_fields", null)
        ?? Choice(filter, "event_format", ["client", "federation"])
        ?? Part(filter, "presence", EventFilter)
        ?? Part(filter, "account_data", EventFilter)
        ?? Part(filter, "room", RoomFilter);

    private static MatrixError? RoomFilter(JsonElement room) =>
        Rooms(room)
        ?? Bool(room, "include_leave")
        ?? Part(room, "account_data", RoomEventFilter)
        ?? Part(room, "ephemeral", RoomEventFilter)
        ?? Part(room, "state", RoomEventFilter)
        ?? Part(room, "timeline", RoomEventFilter);

    private static MatrixError? RoomEventFilter(JsonElement filter) =>
        EventFilter(filter)
        ?? Rooms(filter)
        ?? Bool(filter, "contains_url")
        ?? Bool(filter, "lazy_load_members")
        ?? Bool(filter, "include_redundant_members")
        ?? Bool(filter, "unread_thread_notifications");

    private static MatrixError? EventFilter(JsonElement filter) =>
        Strings(filter, "types", null)
        ?? Strings(filter, "not_types", null)
        ?? Strings(filter, "senders", static text => UserId.TryParse(text, out _))
        ?? Strings(filter, "not_senders", static text => UserId.TryParse(text, out _))
        ?? Limit(filter);

    private static MatrixError? Rooms(JsonElement filter) =>
        Strings(filter, "rooms", static text => RoomId.TryParse(text, out _))
        ?? Strings(filter, "not_rooms", static text => RoomId.TryParse(text, out _));

    private static MatrixError? Part(JsonElement holder, string name, Func<JsonElement, MatrixError?> check)
    {
        if (!TryGet(holder, name, out var part))
            return null;
        return part.ValueKind == JsonValueKind.Object ? check(part) : Wrong(name, "an object");
    }

    private static MatrixError? Strings(JsonElement holder, string name, Func<string, bool>? isValid)
    {
        if (!TryGet(holder, name, out var list))
            return null;
        if (list.ValueKind != JsonValueKind.Array)
            return Wrong(name, "a list");
        foreach (var one in list.EnumerateArray())
        {
            if (one.ValueKind != JsonValueKind.String)
                return Wrong(name, "a list of strings");
            if (isValid is not null && !isValid(one.GetString()!))
                return Wrong(name, "a list of valid identifiers");
        }
        return null;
    }

    private static MatrixError? Choice(JsonElement holder, string name, ReadOnlySpan<string> choices)
    {
        if (!TryGet(holder, name, out var value))
            return null;
        return value.ValueKind == JsonValueKind.String && choices.Contains(value.GetString()!)
            ? null
            : Wrong(name, string.Join(" or ", choices!));
    }

    private static MatrixError? Bool(JsonElement holder, string name) =>
        TryGet(holder, name, out var value) && value.ValueKind is not (JsonValueKind.True or JsonValueKind.False)
            ? Wrong(name, "true or false")
            : null;

    private static MatrixError? Limit(JsonElement holder) =>
        TryGet(holder, "limit", out var value)
        && (value.ValueKind != JsonValueKind.Number || !value.TryGetInt64(out var limit) || limit < 0)
            ? Wrong("limit", "a whole number, zero or more")
            : null;

    private static bool TryGet(JsonElement holder, string name, out JsonElement value) =>
        holder.TryGetProperty(name, out value) && value.ValueKind != JsonValueKind.Null;

    private static MatrixError Wrong(string name, string expected) =>
        MatrixError.BadJson($"{name} of a filter must be {expected}.");
}
