using System.Globalization;

namespace Matrix.EventSourced.Api.Sync;

/// <summary>The tokens of /sync, /messages, /context and /members: <c>s</c> and a log position.</summary>
/// <remarks>A token of /sync may go on with <c>_</c> and the position up to which messages to the device were shown,
/// where not all were; a pos of sliding sync goes on with <c>~</c>. The others look at the first position
/// only.</remarks>
internal static class SyncTokens
{
    public static string Write(long position) => string.Create(CultureInfo.InvariantCulture, $"s{position}");

    public static string Write(long position, long? toDeviceUpTo) => toDeviceUpTo is { } upTo
        ? string.Create(CultureInfo.InvariantCulture, $"s{position}_{upTo}")
        : Write(position);

    /// <summary>A token of /messages, which also leads into history before the room was here: there the position is
    /// negative.</summary>
    public static bool TryReadHistory(string token, out long position) =>
        TryRead(token, NumberStyles.AllowLeadingSign, out position, out _);

    /// <summary>A token of /sync. ToDeviceUpTo is never after the position.</summary>
    public static bool TryRead(string token, out long position, out long toDeviceUpTo) =>
        TryRead(token, NumberStyles.None, out position, out toDeviceUpTo);

    private static bool TryRead(string token, NumberStyles styles, out long position, out long toDeviceUpTo)
    {
        (position, toDeviceUpTo) = (0, 0);
        if (token.Length < 2 || token[0] != 's')
            return false;
        var first = token.AsSpan(1);
        if (first.IndexOf('~') is >= 0 and var end)
            first = first[..end];
        var second = ReadOnlySpan<char>.Empty;
        var separator = first.IndexOf('_');
        if (separator >= 0)
        {
            second = first[(separator + 1)..];
            first = first[..separator];
        }
        if (!long.TryParse(first, styles, CultureInfo.InvariantCulture, out position))
            return false;
        toDeviceUpTo = position;
        return separator < 0
            || (long.TryParse(second, NumberStyles.None, CultureInfo.InvariantCulture, out toDeviceUpTo)
                && toDeviceUpTo <= position);
    }
}
