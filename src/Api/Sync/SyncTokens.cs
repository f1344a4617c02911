using System.Globalization;

namespace Matrix.EventSourced.Api.Sync;

/// <summary>The tokens of /sync, /messages, /context and /members: <c>s</c> and a log position.</summary>
internal static class SyncTokens
{
    public static string Write(long position) => string.Create(CultureInfo.InvariantCulture, $"s{position}");

    /// <summary>A token of /messages, which also leads into history before the room was here: there the position is
    /// negative.</summary>
    public static bool TryReadHistory(string token, out long position)
    {
        position = 0;
        return token.Length > 1
            && token[0] == 's'
            && long.TryParse(
                token.AsSpan(1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out position);
    }

    public static bool TryRead(string token, out long position)
    {
        position = 0;
        return token.Length > 1
            && token[0] == 's'
            && long.TryParse(token.AsSpan(1), NumberStyles.None, CultureInfo.InvariantCulture, out position);
    }
}
