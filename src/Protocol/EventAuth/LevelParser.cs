using System.Text.Json;
using Matrix.EventSourced.Protocol.RoomVersions;

namespace Matrix.EventSourced.Protocol.EventAuth;

/// <summary>Reads one power level: an integer, and before room version 10 also a string or a float that stands for
/// one.</summary>
/// <remarks>
/// Spec: v1.19 rooms/v1 #deprecated-event-content-schemas; rooms/v10
/// #values-in-mroompower_levels-events-must-be-integers.
/// SPEC?: integers beyond 64 bits, which only versions 1 to 5 can carry, count as the largest that we have.
/// </remarks>
internal static class LevelParser
{
    /// <summary>LIMIT: the largest level that content can give; one below the infinite level of a version 12
    /// creator.</summary>
    private const long LevelMax = long.MaxValue - 1;

    public static bool TryParse(JsonElement value, RoomVersionRules rules, out long level)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Number when value.TryGetInt64(out level):
                level = Math.Clamp(level, -LevelMax, LevelMax);
                return true;
            case JsonValueKind.Number when !rules.IntegerPowerLevels:
                return TryTruncate(value, out level);
            case JsonValueKind.String when !rules.IntegerPowerLevels:
                return TryParseText(value.GetString(), out level);
            default:
                level = 0;
                return false;
        }
    }

    private static bool TryTruncate(JsonElement number, out long level)
    {
        level = 0;
        if (!number.TryGetDouble(out var value) || !double.IsFinite(value))
            return false;
        level = value >= LevelMax ? LevelMax : value <= -LevelMax ? -LevelMax : (long)value;
        return true;
    }

    /// <summary>White space, one sign, decimal digits with any number of leading zeroes, white space.</summary>
    private static bool TryParseText(ReadOnlySpan<char> text, out long level)
    {
        level = 0;
        text = text.Trim();
        var isNegative = text.Length > 0 && text[0] == '-';
        var digits = text.Length > 0 && text[0] is ('-' or '+') ? text[1..] : text;
        if (digits.Length == 0)
            return false;
        foreach (var digit in digits)
        {
            if (!char.IsAsciiDigit(digit))
                return false;
            level = level > (LevelMax - 9) / 10 ? LevelMax : (level * 10) + (digit - '0');
        }
        level = isNegative ? -level : level;
        return true;
    }
}
