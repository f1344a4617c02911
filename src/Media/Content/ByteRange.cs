using System.Globalization;

namespace Matrix.EventSourced.Media.Content;

/// <summary>Which bytes of a content are asked for.</summary>
/// <remarks>RFC 9110, section 14. Shape: First and Last are offsets within the content, both included.</remarks>
public readonly record struct ByteRange(long First, long Last)
{
    public long Length => Last - First + 1;

    /// <summary>Reads a Range header. Null with <paramref name="isUnsatisfiable"/> false: send all of it, which is
    /// always right; that is done for several ranges, other units, and what is no range.</summary>
    public static ByteRange? Read(string? header, long size, out bool isUnsatisfiable)
    {
        isUnsatisfiable = false;
        const string unit = "bytes=";
        if (header is null || !header.StartsWith(unit, StringComparison.OrdinalIgnoreCase) || header.Contains(','))
            return null;
        var range = header.AsSpan(unit.Length).Trim();
        var dash = range.IndexOf('-');
        if (dash < 0)
            return null;
        var start = range[..dash].Trim();
        var end = range[(dash + 1)..].Trim();
        if (start.IsEmpty)
            return Suffix(end, size, out isUnsatisfiable);
        if (!TryRead(start, out var first))
            return null;
        var last = long.MaxValue;
        if (!end.IsEmpty && (!TryRead(end, out last) || last < first))
            return null;
        isUnsatisfiable = first >= size;
        return isUnsatisfiable ? null : new ByteRange(first, Math.Min(last, size - 1));
    }

    private static ByteRange? Suffix(ReadOnlySpan<char> count, long size, out bool isUnsatisfiable)
    {
        isUnsatisfiable = false;
        if (!TryRead(count, out var length))
            return null;
        isUnsatisfiable = length == 0 || size == 0;
        return isUnsatisfiable ? null : new ByteRange(Math.Max(0, size - length), size - 1);
    }

    private static bool TryRead(ReadOnlySpan<char> digits, out long value) =>
        long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out value);
}
