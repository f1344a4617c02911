using System.Globalization;
using Matrix.EventSourced.Projections.Roomserver;

namespace Matrix.EventSourced.Api.Sync;

/// <summary>The tokens of /sync, /messages, /context and /members: <c>s</c> and a log position.</summary>
/// <remarks>A token of /messages that leads into history that was fetched goes on with <c>h</c> and a number
/// (<see cref="TimelinePlace"/>). A token of /sync may go on with <c>_</c> and the position up to which messages to the
/// device were shown, where not all were; a pos of sliding sync goes on with <c>~</c>. Whoever has no use for the rest
/// looks at the first position only.</remarks>
internal static class SyncTokens
{
    public static string Write(long position) => string.Create(CultureInfo.InvariantCulture, $"s{position}");

    public static string Write(long position, long? toDeviceUpTo) => toDeviceUpTo is { } upTo
        ? string.Create(CultureInfo.InvariantCulture, $"s{position}_{upTo}")
        : Write(position);

    public static string Write(TimelinePlace place) => place.Position == long.MaxValue
        ? Write(place.Anchor)
        : string.Create(CultureInfo.InvariantCulture, $"s{place.Anchor - 1}h{-place.Position}");

    /// <summary>Any token as a place of a room's timeline.</summary>
    public static bool TryReadPlace(string token, out TimelinePlace place)
    {
        place = default;
        var history = token.IndexOf('h', StringComparison.Ordinal);
        if (history < 0)
        {
            var isRead = TryRead(token, out var position, out _);
            place = TimelinePlace.After(position);
            return isRead;
        }
        if (!TryRead(token[..history], out var before, out _)
            || before == long.MaxValue
            || !long.TryParse(
                token.AsSpan(history + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var fetched))
            return false;
        place = new(before + 1, -fetched);
        return true;
    }

    /// <summary>Any token, or one of /relations and /threads: those have history before all else, at negative
    /// positions.</summary>
    public static bool TryReadRelations(string token, out long position) =>
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
        if (first.IndexOfAny('~', 'h') is >= 0 and var end)
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
