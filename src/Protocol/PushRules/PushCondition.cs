using System.Globalization;
using System.Text.Json;

namespace Matrix.EventSourced.Protocol.PushRules;

/// <summary>A condition of an override or underride rule, ready to be asked.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #conditions. A condition that is not known, or lacks what its kind needs, holds for
/// no event.
/// </remarks>
internal abstract class PushCondition
{
    private static readonly PushCondition Never = new NeverCondition();

    public abstract bool Holds(JsonElement pushed, PushContext context);

    public static PushCondition Read(JsonElement condition) => Text(condition, "kind") switch
    {
        "event_match" when Text(condition, "key") is { } key && Text(condition, "pattern") is { } pattern =>
            new EventMatch(PropertyPath.Parse(key), GlobPattern.Parse(pattern), inWords: key == "content.body"),
        "event_property_is" when Text(condition, "key") is { } key && Value(condition) is { } value =>
            new PropertyIs(PropertyPath.Parse(key), value),
        "event_property_contains" when Text(condition, "key") is { } key && Value(condition) is { } value =>
            new PropertyContains(PropertyPath.Parse(key), value),
        "contains_display_name" => new ContainsDisplayName(),
        "room_member_count" when Text(condition, "is") is { } count => RoomMemberCount.Read(count) ?? Never,
        "sender_notification_permission" when Text(condition, "key") is { } key => new SenderPermission(key),
        _ => Never,
    };

    private static string? Text(JsonElement condition, string name) =>
        condition.ValueKind == JsonValueKind.Object && condition.TryGetProperty(name, out var value)
        && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private static JsonElement? Value(JsonElement condition) =>
        condition.TryGetProperty("value"u8, out var value) && IsSimple(value) ? value : null;

    /// <summary>Strings, integers of canonical JSON, booleans and null.</summary>
    private static bool IsSimple(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Number => value.TryGetInt64(out var number)
            && number is >= -Limits.CanonicalIntegerMax and <= Limits.CanonicalIntegerMax,
        JsonValueKind.String or JsonValueKind.True or JsonValueKind.False or JsonValueKind.Null => true,
        _ => false,
    };

    private static bool AreEqual(JsonElement left, JsonElement right) =>
        left.ValueKind == right.ValueKind && IsSimple(left) && left.ValueKind switch
        {
            JsonValueKind.Number => left.GetInt64() == right.GetInt64(),
            JsonValueKind.String => left.ValueEquals(right.GetString()),
            _ => true,
        };

    private sealed class NeverCondition : PushCondition
    {
        public override bool Holds(JsonElement pushed, PushContext context) => false;
    }

    private sealed class EventMatch(PropertyPath path, GlobPattern pattern, bool inWords) : PushCondition
    {
        public override bool Holds(JsonElement pushed, PushContext context)
        {
            if (path.Find(pushed) is not { ValueKind: JsonValueKind.String } value)
                return false;
            var text = value.GetString()!;
            return inWords ? pattern.MatchesWordsOf(text) : pattern.Matches(text);
        }
    }

    private sealed class PropertyIs(PropertyPath path, JsonElement expected) : PushCondition
    {
        public override bool Holds(JsonElement pushed, PushContext context) =>
            path.Find(pushed) is { } value && AreEqual(value, expected);
    }

    private sealed class PropertyContains(PropertyPath path, JsonElement expected) : PushCondition
    {
        public override bool Holds(JsonElement pushed, PushContext context) =>
            path.Find(pushed) is { ValueKind: JsonValueKind.Array } array
            && array.EnumerateArray().Any(value => AreEqual(value, expected));
    }

    private sealed class ContainsDisplayName : PushCondition
    {
        private static readonly PropertyPath Body = PropertyPath.Parse("content.body");

        public override bool Holds(JsonElement pushed, PushContext context) =>
            context.DisplayName is { } name
            && Body.Find(pushed) is { ValueKind: JsonValueKind.String } body
            && GlobPattern.Literal(name).MatchesWordsOf(body.GetString()!);
    }

    private sealed class RoomMemberCount(Func<int, bool> fits) : PushCondition
    {
        public override bool Holds(JsonElement pushed, PushContext context) => fits(context.JoinedMembers);

        public static PushCondition? Read(string text)
        {
            var digits = text.AsSpan().TrimStart("=<>");
            if (!int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var count))
                return null;
            return text[..^digits.Length] switch
            {
                "" or "==" => new RoomMemberCount(members => members == count),
                "<" => new RoomMemberCount(members => members < count),
                ">" => new RoomMemberCount(members => members > count),
                "<=" => new RoomMemberCount(members => members <= count),
                ">=" => new RoomMemberCount(members => members >= count),
                _ => null,
            };
        }
    }

    private sealed class SenderPermission(string key) : PushCondition
    {
        public override bool Holds(JsonElement pushed, PushContext context) => context.SenderMayNotify(key);
    }
}
