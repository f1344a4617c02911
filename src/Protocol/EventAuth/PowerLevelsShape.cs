using System.Text.Json;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Protocol.EventAuth;

/// <summary>Rule 10.1 (version 10: 9.1 to 9.3, version 12: 10.1 to 10.4): the shape of a power levels
/// content.</summary>
internal static class PowerLevelsShape
{
    /// <summary>The refusal, or null when the shape is good.</summary>
    public static AuthOutcome? FindViolation(AuthContext context)
    {
        var content = context.Content;
        if (context.Rules.IntegerPowerLevels)
        {
            // 9.1, from version 10 on.
            for (var index = 0; index < PowerLevelsContent.NamedLevelCount; index++)
            {
                if (content.TryFind(PowerLevelsContent.NameOf((NamedLevel)index), out var value)
                    && !IsLevel(context, value))
                    return context.Refuse(AuthRule.LevelsAreIntegers, "A power level is not an integer.");
            }
            // 9.2, from version 10 on.
            if (!IsAbsentOrMapOfLevels(context, "events"u8) || !IsAbsentOrMapOfLevels(context, "notifications"u8))
                return context.Refuse(
                    AuthRule.LevelMapsAreIntegers, "The events or notifications are not an object of integers.");
        }
        // 10.1 (10: 9.3, 12: 10.3)
        if (!HasValidUsers(context))
            return context.Refuse(AuthRule.UsersAreIntegers, "The users are not an object of user ids and integers.");
        if (!context.Rules.IntegerPowerLevels && HasInfiniteLevel(content))
            return context.Refuse(AuthRule.UsersAreIntegers, "A power level is outside of the range of a double.");
        // 10.4, version 12.
        if (context.Rules.CreatorsHaveInfinitePower && NamesCreator(context))
            return context.Refuse(AuthRule.UsersHaveNoCreator, "The users name a creator of the room.");
        return null;
    }

    private static bool IsLevel(AuthContext context, JsonElement value) =>
        LevelParser.TryParse(value, context.Rules, out _);

    private static bool IsAbsentOrMapOfLevels(AuthContext context, ReadOnlySpan<byte> name)
    {
        if (!context.Content.TryFind(name, out var map))
            return true;
        if (map.ValueKind != JsonValueKind.Object)
            return false;
        foreach (var entry in map.EnumerateObject())
        {
            if (!IsLevel(context, entry.Value))
                return false;
        }
        return true;
    }

    /// <summary>SPEC?: a content without <c>users</c> passes; the rule speaks of the property's value.</summary>
    private static bool HasValidUsers(AuthContext context)
    {
        if (!context.Content.TryFind("users"u8, out var users))
            return true;
        if (users.ValueKind != JsonValueKind.Object)
            return false;
        foreach (var entry in users.EnumerateObject())
        {
            if (!UserId.TryParse(entry.Name, out _) || !IsLevel(context, entry.Value))
                return false;
        }
        return true;
    }

    private static bool NamesCreator(AuthContext context)
    {
        var creators = Creators.Of(context.Create);
        if (!context.Content.TryFind("users"u8, out var users))
            return false;
        foreach (var entry in users.EnumerateObject())
        {
            if (creators.Contains(entry.Name))
                return true;
        }
        return false;
    }

    /// <summary>Spec: rooms/v1 #deprecated-event-content-schemas: such values refuse the whole
    /// event.</summary>
    private static bool HasInfiniteLevel(JsonElement content)
    {
        for (var index = 0; index < PowerLevelsContent.NamedLevelCount; index++)
        {
            if (content.TryFind(PowerLevelsContent.NameOf((NamedLevel)index), out var value) && IsInfinite(value))
                return true;
        }
        return HasInfiniteEntry(content, "events"u8) || HasInfiniteEntry(content, "notifications"u8);
    }

    private static bool HasInfiniteEntry(JsonElement content, ReadOnlySpan<byte> name)
    {
        if (!content.TryFind(name, out var map) || map.ValueKind != JsonValueKind.Object)
            return false;
        foreach (var entry in map.EnumerateObject())
        {
            if (IsInfinite(entry.Value))
                return true;
        }
        return false;
    }

    private static bool IsInfinite(JsonElement value) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var number) && !double.IsFinite(number);
}
