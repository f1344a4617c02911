using System.Buffers.Text;

namespace Matrix.EventSourced.Protocol.Json;

// HOT
/// <summary>The number tokens of canonical JSON.</summary>
/// <remarks>
/// Spec: v1.19 appendices #canonical-json; rooms/v6 #canonical-json.
/// Strict rooms hold integers within ±(2^53-1) only. In rooms of versions 1 to 5 other numbers exist and keep their
/// token verbatim,
/// so that a hash over them stays what its sender made it; only the two forms that the spec's own examples rewrite
/// (<c>-0</c> and a whole number with an exponent) are rewritten.
/// </remarks>
internal static class JsonNumber
{
    /// <summary>Null if strict canonical JSON may hold the token, otherwise why not.</summary>
    public static string? FindViolation(ReadOnlySpan<byte> token)
    {
        if (token.IndexOfAny((byte)'.', (byte)'e', (byte)'E') >= 0)
            return "a number is not an integer";
        if (token.SequenceEqual("-0"u8))
            return "a number is negative zero";
        return Utf8Parser.TryParse(token, out long value, out var consumed) && consumed == token.Length
            && IsCanonical(value)
            ? null
            : "a number is outside of ±(2^53-1)";
    }

    public static void Append(scoped ReadOnlySpan<byte> token, ref Utf8Sink sink)
    {
        if (token.SequenceEqual("-0"u8))
            sink.Append((byte)'0');
        else if (TryReadWholeExponent(token, out var value))
        {
            var destination = sink.Reserve(20);
            Utf8Formatter.TryFormat(value, destination, out var written);
            sink.Advance(written);
        }
        else
            sink.Append(token);
    }

    /// <summary>Digits, <c>e</c>, a positive exponent, and a value that canonical JSON can hold: <c>1e10</c>.</summary>
    private static bool TryReadWholeExponent(ReadOnlySpan<byte> token, out long value)
    {
        value = 0;
        var e = token.IndexOfAny((byte)'e', (byte)'E');
        if (e < 0 || !Utf8Parser.TryParse(token[..e], out value, out var consumed) || consumed != e)
            return false;
        var digits = token[(e + 1)..];
        if (digits.Length > 0 && digits[0] == (byte)'+')
            digits = digits[1..];
        if (!Utf8Parser.TryParse(digits, out int exponent, out consumed) || consumed != digits.Length
            || exponent is < 0 or > 16)
            return false;
        for (; exponent > 0 && IsCanonical(value); exponent--)
            value *= 10;
        return IsCanonical(value);
    }

    private static bool IsCanonical(long value) =>
        value is >= -Limits.CanonicalIntegerMax and <= Limits.CanonicalIntegerMax;
}
