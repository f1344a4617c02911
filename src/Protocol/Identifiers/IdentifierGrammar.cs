using System.Text;

namespace Matrix.EventSourced.Protocol.Identifiers;

/// <summary>The grammars of the spec's identifiers, in one place.</summary>
internal static class IdentifierGrammar
{
    public static bool IsServerName(string text) => text.Length > 0 && Fits(text) && !text.Contains('\0');
    public static bool IsUserId(string text) => HasSigilAndServer(text, '@');
    public static bool IsRoomAlias(string text) => HasSigilAndServer(text, '#');
    public static bool IsRoomId(string text) => text.Length > 1 && text[0] == '!' && Fits(text) && !text.Contains('\0');
    public static bool IsEventId(string text) => text.Length > 1 && text[0] == '$' && Fits(text) && !text.Contains('\0');

    private static bool HasSigilAndServer(string text, char sigil)
    {
        if (text.Length < 3 || text[0] != sigil || !Fits(text) || text.Contains('\0'))
            return false;
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        return colon >= 1 && IsServerName(text[(colon + 1)..]);
    }

    private static bool Fits(string text) => Encoding.UTF8.GetByteCount(text) <= Limits.IdentifierBytesMax;
}
