using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Matrix.EventSourced.Protocol.Identifiers;

/// <summary>The grammars of the spec's identifiers, in one place.</summary>
/// <remarks>
/// Spec: v1.19 appendices #identifier-grammar.
/// What servers send is read by the historical, wide grammars; what we make ourselves is checked by the narrow ones.
/// </remarks>
internal static class IdentifierGrammar
{
    /// <summary>Characters of a SHA-256 in unpadded base64.</summary>
    private const int HashLength = 43;

    private const int PortDigitsMax = 5;

    public static bool IsUserId(string text) => HasSigilAndServer(text, '@');

    public static bool IsRoomAlias(string text) => HasSigilAndServer(text, '#');

    /// <summary>With a domain or, from room version 12 on, without: the room version decides, not the text.</summary>
    public static bool IsRoomId(string text) =>
        text.Contains(':') ? HasSigilAndServer(text, '!') : IsOpaque(text, '!');

    /// <summary>Opaque: ids of room version 3 may hold any base64, others hold a domain.</summary>
    public static bool IsEventId(string text) => IsOpaque(text, '$');

    /// <summary>A sigil and a SHA-256 in one of the two base64 alphabets.</summary>
    public static bool IsHash(ReadOnlySpan<char> text, bool urlSafe)
    {
        if (text.Length != HashLength + 1)
            return false;
        foreach (var character in text[1..])
        {
            var isOther = urlSafe ? character is '-' or '_' : character is '+' or '/';
            if (!char.IsAsciiLetterOrDigit(character) && !isOther)
                return false;
        }
        return true;
    }

    /// <summary>
    /// Sigil, localpart, colon, server. The localpart is of the historical kind: any code points but colon and NUL,
    /// even none.
    /// </summary>
    public static bool HasSigilAndServer(string text, char sigil)
    {
        if (text.Length < 3 || text[0] != sigil || !IsText(text) || !Fits(text))
            return false;
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        return colon >= 1 && IsServerName(text.AsSpan(colon + 1));
    }

    /// <summary>What a user id that we make may hold before the colon.</summary>
    public static bool IsStrictLocalpart(ReadOnlySpan<char> localpart)
    {
        foreach (var character in localpart)
        {
            if (!char.IsAsciiLetterLower(character) && !char.IsAsciiDigit(character)
                && character is not ('.' or '_' or '=' or '-' or '/' or '+'))
            {
                return false;
            }
        }
        return localpart.Length > 0;
    }

    /// <summary>
    /// The characters that clients may be shown outside of PDUs. Spec: appendices #historical-user-ids.
    /// </summary>
    public static bool IsCompliantLocalpart(ReadOnlySpan<char> localpart) =>
        localpart.Length > 0 && !localpart.ContainsAnyExceptInRange('\u0021', '\u007E');

    public static bool IsServerName(ReadOnlySpan<char> text)
    {
        if (text.Length == 0)
            return false;
        var hostEnd = text[0] == '[' ? text.IndexOf(']') + 1 : text.IndexOf(':');
        if (hostEnd < 0)
            hostEnd = text.Length;
        return IsHost(text[..hostEnd]) && (hostEnd == text.Length || IsPortSuffix(text[hostEnd..]));
    }

    private static bool IsPortSuffix(ReadOnlySpan<char> text) =>
        text.Length is >= 2 and <= PortDigitsMax + 1 && text[0] == ':' && !text[1..].ContainsAnyExceptInRange('0', '9');

    private static bool IsHost(ReadOnlySpan<char> host)
    {
        if (host.Length == 0 || host.Length > Limits.IdentifierBytesMax)
            return false;
        if (host[0] == '[')
            return IsIPv6Literal(host);
        foreach (var character in host)
        {
            if (!char.IsAsciiLetterOrDigit(character) && character is not ('-' or '.'))
                return false;
        }
        return !LooksLikeIPv4(host) || IsIPv4(host);
    }

    private static bool IsIPv6Literal(ReadOnlySpan<char> host)
    {
        if (host.Length < 4 || host[^1] != ']')
            return false;
        var inner = host[1..^1];
        // The grammar leaves out zones and prefix lengths, which the parser would take.
        foreach (var character in inner)
        {
            if (!char.IsAsciiHexDigit(character) && character is not (':' or '.'))
                return false;
        }
        return IPAddress.TryParse(inner, out var address) && address.AddressFamily == AddressFamily.InterNetworkV6;
    }

    /// <summary>
    /// SPEC?: four numbers fit dns-name even above 255; the prose says that IPv4 literals are 0 to 255, which wins.
    /// </summary>
    private static bool LooksLikeIPv4(ReadOnlySpan<char> host)
    {
        var dotCount = 0;
        foreach (var character in host)
        {
            if (character == '.')
                dotCount++;
            else if (!char.IsAsciiDigit(character))
                return false;
        }
        return dotCount == 3;
    }

    private static bool IsIPv4(ReadOnlySpan<char> host)
    {
        foreach (var range in host.Split('.'))
        {
            var part = host[range];
            if (part.Length is 0 or > 3 || int.Parse(part, System.Globalization.CultureInfo.InvariantCulture) > 255)
                return false;
        }
        return true;
    }

    private static bool IsOpaque(string text, char sigil) =>
        text.Length > 1 && text[0] == sigil && IsText(text) && Fits(text);

    /// <summary>No NUL, and every surrogate is half of a pair: text that UTF-8 can carry.</summary>
    public static bool IsText(string text)
    {
        for (var i = 0; i < text.Length; i++)
        {
            var character = text[i];
            if (character == '\0')
                return false;
            if (!char.IsSurrogate(character))
                continue;
            if (!char.IsHighSurrogate(character) || i + 1 == text.Length || !char.IsLowSurrogate(text[i + 1]))
                return false;
            i++;
        }
        return true;
    }

    private static bool Fits(string text) =>
        text.Length * 3 <= Limits.IdentifierBytesMax || Encoding.UTF8.GetByteCount(text) <= Limits.IdentifierBytesMax;
}
