using System.Text.Json;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Commands.Roomserver.Room;

/// <summary>What we take from our own users as the content of <c>m.room.power_levels</c>, whatever the room version
/// would still allow.</summary>
/// <remarks>Spec: v1.19 client-server-api #mroompower_levels. Servers refuse levels from clients that are no
/// integers.</remarks>
internal static class PowerLevelsShape
{
    private static readonly string[] Levels =
        ["ban", "events_default", "invite", "kick", "redact", "state_default", "users_default"];
    private static readonly string[] Maps = ["events", "notifications", "users"];

    /// <summary>What is wrong with it, or null.</summary>
    public static string? FindProblem(JsonElement content)
    {
        foreach (var name in Levels)
        {
            if (content.TryGetProperty(name, out var level) && !IsLevel(level))
                return $"'{name}' must be an integer.";
        }
        foreach (var name in Maps)
        {
            if (!content.TryGetProperty(name, out var map))
                continue;
            if (map.ValueKind != JsonValueKind.Object)
                return $"'{name}' must be an object.";
            foreach (var entry in map.EnumerateObject())
            {
                if (!IsLevel(entry.Value))
                    return $"Levels in '{name}' must be integers.";
                if (name == "users" && !UserId.TryParse(entry.Name, out _))
                    return "Keys of 'users' must be user ids.";
            }
        }
        return null;
    }

    private static bool IsLevel(JsonElement value) =>
        value.ValueKind == JsonValueKind.Number
        && value.TryGetInt64(out var level)
        && Math.Abs(level) <= Limits.CanonicalIntegerMax;
}
