using System.Text;

namespace Matrix.EventSourced.Api.Http;

/// <summary>
/// Reads the raw request target: path and query are split, and percent-decoded only after the path is in segments.
/// </summary>
/// <remarks>
/// Shape: <c>%2F</c> inside a segment stays inside it, which the framework's own path would lose. <c>+</c> is a plus,
/// not a space.
/// </remarks>
internal static class RequestTarget
{
    private static readonly UTF8Encoding StrictUtf8 =
        new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>
    /// The still encoded path of a target in origin form or absolute form; empty for <c>*</c> and an authority.
    /// </summary>
    public static ReadOnlySpan<char> Path(string rawTarget)
    {
        var target = rawTarget.AsSpan();
        if (target.IsEmpty)
            return target;
        if (target[0] != '/')
        {
            var scheme = target.IndexOf("://", StringComparison.Ordinal);
            if (scheme < 0)
                return [];
            target = target[(scheme + 3)..];
            var path = target.IndexOf('/');
            target = path < 0 ? "/" : target[path..];
        }
        var end = target.IndexOfAny('?', '#');
        return end < 0 ? target : target[..end];
    }

    /// <summary>
    /// Whether the query holds an encoded U+0000, which no parameter of the spec may hold and PostgreSQL cannot store.
    /// </summary>
    public static bool QueryHasNul(string rawTarget)
    {
        var query = rawTarget.IndexOf('?', StringComparison.Ordinal);
        return query >= 0 && rawTarget.AsSpan(query).Contains("%00", StringComparison.Ordinal);
    }

    /// <summary>Decodes one segment; null for bad percent-encoding, invalid UTF-8 or U+0000.</summary>
    public static string? Decode(ReadOnlySpan<char> segment)
    {
        if (!segment.Contains('%'))
            return segment.ContainsAnyExceptInRange('\u0001', '\u007F') ? null : segment.ToString();

        Span<byte> bytes = segment.Length <= 512 ? stackalloc byte[segment.Length] : new byte[segment.Length];
        var length = 0;
        for (var i = 0; i < segment.Length; i++)
        {
            var c = segment[i];
            if (c == '%')
            {
                if (i + 2 >= segment.Length || !char.IsAsciiHexDigit(segment[i + 1])
                    || !char.IsAsciiHexDigit(segment[i + 2]))
                    return null;
                bytes[length++] = (byte)((Hex(segment[i + 1]) << 4) | Hex(segment[i + 2]));
                i += 2;
            }
            else if (c < 0x80)
            {
                bytes[length++] = (byte)c;
            }
            else
            {
                return null;
            }
            if (bytes[length - 1] == 0)
                return null;
        }
        try
        {
            return StrictUtf8.GetString(bytes[..length]);
        }
        catch (DecoderFallbackException)
        {
            return null;
        }
    }

    private static int Hex(char digit) => char.IsAsciiDigit(digit) ? digit - '0' : (digit | 0x20) - 'a' + 10;
}
