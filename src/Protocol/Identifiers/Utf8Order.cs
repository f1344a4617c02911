namespace Matrix.EventSourced.Protocol.Identifiers;

/// <summary>Compares strings as their UTF-8 bytes compare: by code point, not by UTF-16 unit.</summary>
/// <remarks>
/// The two differ only between surrogate pairs and U+E000 to U+FFFF, but there they decide the order in which servers
/// must agree (state resolution breaks ties by event id).
/// </remarks>
public static class Utf8Order
{
    /// <summary>An ordering of strings for sorted collections.</summary>
    public static IComparer<string> Comparer { get; } = Comparer<string>.Create(Compare);

    public static int Compare(string? left, string? right)
    {
        if (left is null || right is null)
            return left is null ? right is null ? 0 : -1 : 1;
        var common = left.AsSpan().CommonPrefixLength(right);
        if (common == left.Length || common == right.Length)
            return left.Length.CompareTo(right.Length);
        return Rank(left[common]).CompareTo(Rank(right[common]));
    }

    /// <summary>Moves surrogates above the rest of the basic plane, where their code points are.</summary>
    private static int Rank(char character) => character < 0xD800
        ? character
        : character >= 0xE000 ? character - 0x800 : character + 0x2000;
}
