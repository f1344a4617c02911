using System.Buffers;
using System.Text;

namespace Matrix.EventSourced.Protocol.Json;

// HOT
/// <summary>The characters of a JSON string: out of any escapes, into the canonical ones.</summary>
/// <remarks>Spec: v1.19 appendices #canonical-json (rule <c>char</c> of the grammar).</remarks>
internal static class JsonText
{
    private static readonly SearchValues<byte> MustEscape = SearchValues.Create(
    [
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29,
        30, 31, (byte)'"', (byte)'\\',
    ]);

    /// <summary>Appends text between quotes, escaping only what the grammar says must be.</summary>
    public static void AppendQuoted(scoped ReadOnlySpan<byte> text, ref Utf8Sink sink)
    {
        sink.Append((byte)'"');
        AppendEscaped(text, ref sink);
        sink.Append((byte)'"');
    }

    /// <summary>Appends a .NET string between quotes.</summary>
    public static void AppendQuoted(string text, ref Utf8Sink sink)
    {
        sink.Append((byte)'"');
        var utf8 = sink.Reserve(Encoding.UTF8.GetMaxByteCount(text.Length));
        var written = Encoding.UTF8.GetBytes(text, utf8);
        if (utf8[..written].IndexOfAny(MustEscape) < 0)
            sink.Advance(written);
        else
            AppendEscaped(Encoding.UTF8.GetBytes(text), ref sink);
        sink.Append((byte)'"');
    }

    /// <summary>
    /// Resolves the escapes of a string's raw inside; false if one names half of a surrogate pair, which UTF-8 cannot
    /// carry.
    /// </summary>
    /// <remarks>Requires: raw passed a JSON reader; destination is at least as long as raw.</remarks>
    public static bool TryUnescape(ReadOnlySpan<byte> raw, Span<byte> destination, out int written)
    {
        written = 0;
        while (raw.Length > 0)
        {
            var plain = raw.IndexOf((byte)'\\');
            if (plain < 0)
                plain = raw.Length;
            raw[..plain].CopyTo(destination[written..]);
            written += plain;
            raw = raw[plain..];
            if (raw.Length == 0)
                break;
            if (raw[1] != (byte)'u')
            {
                destination[written++] = Unescape(raw[1]);
                raw = raw[2..];
                continue;
            }
            if (!TryReadCodePoint(raw, out var rune, out var consumed))
                return false;
            written += rune.EncodeToUtf8(destination[written..]);
            raw = raw[consumed..];
        }
        return true;
    }

    private static bool TryReadCodePoint(ReadOnlySpan<byte> raw, out Rune rune, out int consumed)
    {
        consumed = 6;
        var unit = (char)ReadHex(raw[2..6]);
        if (Rune.TryCreate(unit, out rune))
            return true;
        if (!char.IsHighSurrogate(unit) || raw.Length < 12 || raw[6] != (byte)'\\' || raw[7] != (byte)'u')
            return false;
        consumed = 12;
        return Rune.TryCreate(unit, (char)ReadHex(raw[8..12]), out rune);
    }

    private static int ReadHex(ReadOnlySpan<byte> digits)
    {
        var value = 0;
        foreach (var digit in digits)
            value = (value << 4) | HexValue(digit);
        return value;
    }

    private static int HexValue(byte digit) => digit <= (byte)'9' ? digit - '0' : (digit | 0x20) - 'a' + 10;

    private static byte Unescape(byte letter) => letter switch
    {
        (byte)'b' => 0x08,
        (byte)'t' => 0x09,
        (byte)'n' => 0x0A,
        (byte)'f' => 0x0C,
        (byte)'r' => 0x0D,
        _ => letter,
    };

    private static void AppendEscaped(scoped ReadOnlySpan<byte> text, ref Utf8Sink sink)
    {
        while (true)
        {
            var next = text.IndexOfAny(MustEscape);
            if (next < 0)
            {
                sink.Append(text);
                return;
            }
            sink.Append(text[..next]);
            AppendEscape(text[next], ref sink);
            text = text[(next + 1)..];
        }
    }

    private static void AppendEscape(byte value, ref Utf8Sink sink)
    {
        switch (value)
        {
            case 0x08: sink.Append("\\b"u8); break;
            case 0x09: sink.Append("\\t"u8); break;
            case 0x0A: sink.Append("\\n"u8); break;
            case 0x0C: sink.Append("\\f"u8); break;
            case 0x0D: sink.Append("\\r"u8); break;
            case (byte)'"': sink.Append("\\\""u8); break;
            case (byte)'\\': sink.Append("\\\\"u8); break;
            default:
                sink.Append("\\u00"u8);
                sink.Append((byte)(value < 0x10 ? '0' : '1'));
                sink.Append("0123456789abcdef"u8[value & 0xF]);
                break;
        }
    }
}
