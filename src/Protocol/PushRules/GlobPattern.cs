using System.Text;

namespace Matrix.EventSourced.Protocol.PushRules;

/// <summary>A glob: <c>*</c> is any number of characters, <c>?</c> is one; letters match in either case.</summary>
/// <remarks>
/// Spec: v1.19 appendices #glob-style-matching; client-server-api #push-rules for case and words.
/// Shape: characters are code points; their simple lower-case mappings are compared.
/// Ensures: immutable, safe to share.
/// Cost: pattern times text, without backtracking: both come from strangers.
/// </remarks>
public sealed class GlobPattern
{
    private const int Any = -1;
    private const int One = -2;

    private readonly int[] _tokens;

    private GlobPattern(int[] tokens) => _tokens = tokens;

    public static GlobPattern Parse(string pattern) => new([.. pattern.EnumerateRunes().Select(rune => rune.Value switch
    {
        '*' => Any,
        '?' => One,
        _ => Fold(rune),
    })]);

    /// <summary>A pattern that stands for itself, whatever it holds.</summary>
    public static GlobPattern Literal(string text) => new([.. text.EnumerateRunes().Select(Fold)]);

    /// <summary>Whether all of the text matches.</summary>
    public bool Matches(string text) => Run([.. text.EnumerateRunes().Select(Fold)], inWords: false);

    /// <summary>Whether a part of the text matches that starts and ends at a word's boundary.</summary>
    /// <remarks>
    /// Spec: v1.19 client-server-api #conditions: a boundary is either end of the text, and next to any character
    /// outside <c>A-Z</c>, <c>a-z</c>, <c>0-9</c> and <c>_</c>. SPEC?: an empty pattern would match everything; here it
    /// matches nothing.
    /// </remarks>
    public bool MatchesWordsOf(string text) =>
        _tokens.Length > 0 && Run([.. text.EnumerateRunes().Select(Fold)], inWords: true);

    /// <summary>Walks the text once, with the set of all places in the pattern that can be reached.</summary>
    private bool Run(int[] text, bool inWords)
    {
        var reached = new bool[_tokens.Length + 1];
        var next = new bool[_tokens.Length + 1];
        for (var i = 0; i <= text.Length; i++)
        {
            var isBoundary = inWords ? IsBoundary(text, i) : i == 0;
            if (isBoundary)
                reached[0] = true;
            for (var at = 0; at < _tokens.Length; at++)
            {
                if (reached[at] && _tokens[at] == Any)
                    reached[at + 1] = true;
            }
            if (reached[^1] && (inWords ? isBoundary : i == text.Length))
                return true;
            if (i == text.Length)
                break;
            Array.Clear(next);
            for (var at = 0; at < _tokens.Length; at++)
            {
                if (!reached[at])
                    continue;
                if (_tokens[at] == Any)
                    next[at] = true;
                else if (_tokens[at] == One || _tokens[at] == text[i])
                    next[at + 1] = true;
            }
            (reached, next) = (next, reached);
        }
        return false;
    }

    private static bool IsBoundary(int[] text, int at) =>
        at == 0 || at == text.Length || !IsOfWord(text[at - 1]) || !IsOfWord(text[at]);

    // Capitals were folded.
    private static bool IsOfWord(int character) =>
        character is (>= 'a' and <= 'z') or (>= '0' and <= '9') or '_';

    private static int Fold(Rune rune) => Rune.ToLowerInvariant(rune).Value;
}
