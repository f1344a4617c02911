using System.Text;

namespace Matrix.EventSourced.Fuzz;

/// <summary>Makes new inputs of old ones. The same random numbers make the same inputs.</summary>
internal sealed class Mutator(Random random, IReadOnlyList<string> dictionary)
{
    private const int InputBytesMax = 70_000;

    private static readonly string[] Numbers =
    [
        "0", "-0", "-1", "1.0", "1e10", "-5e3", "0.1", "1E400", "9007199254740991", "9007199254740992",
        "-9007199254740992", "9223372036854775807", "9223372036854775808", "-9223372036854775808", "00", "1e-7",
    ];

    private static readonly string[] Oddities =
    [
        "\0", "\\u0000", "\\ud800", "\\udfff", "\\ud83d\\ude00", "\\/", "\\\"", "\u007f", "é", "\ufb33", "😀",
        "\u2028", "\\u00e9", "null", "true", "{}", "[]", "\"\"", ",", ":", "\"", "\\", " ", "\n", "=", "@",
        "$", "!", "#",
    ];

    public byte[] Mutate(byte[] seed, byte[] other)
    {
        var bytes = new List<byte>(seed);
        var count = 1 + random.Next(4);
        for (var i = 0; i < count; i++)
            MutateOnce(bytes, other);
        return bytes.Count <= InputBytesMax ? [.. bytes] : [.. bytes.Take(InputBytesMax)];
    }

    private void MutateOnce(List<byte> bytes, byte[] other)
    {
        var at = random.Next(bytes.Count + 1);
        switch (random.Next(11))
        {
            case 0 when bytes.Count > 0:
                bytes[random.Next(bytes.Count)] ^= (byte)(1 << random.Next(8));
                break;
            case 1 when bytes.Count > 0:
                bytes[random.Next(bytes.Count)] = (byte)random.Next(256);
                break;
            case 2 when at < bytes.Count:
                bytes.RemoveRange(at, Math.Min(bytes.Count - at, 1 + random.Next(16)));
                break;
            case 3 when at < bytes.Count:
                bytes.InsertRange(at, bytes.GetRange(at, Math.Min(bytes.Count - at, 1 + random.Next(64))));
                break;
            case 4:
                Insert(bytes, at, Pick(Numbers));
                break;
            case 5:
                Insert(bytes, at, Pick(Oddities));
                break;
            case 6 when dictionary.Count > 0:
                Insert(bytes, at, Pick(dictionary));
                break;
            case 7 when other.Length > 0:
                var start = random.Next(other.Length);
                bytes.InsertRange(at, other[start..Math.Min(other.Length, start + 1 + random.Next(64))]);
                break;
            case 8:
                ReplaceToken(bytes);
                break;
            case 9:
                var part = Pick(["[", "{\"a\":", "a", "]", "}"]);
                Insert(bytes, at, string.Concat(Enumerable.Repeat(part, random.Next(300))));
                break;
            default:
                Swap(bytes);
                break;
        }
    }

    /// <summary>Replaces a number or a string in place, so that what is around it stays well-formed.</summary>
    private void ReplaceToken(List<byte> bytes)
    {
        var text = Encoding.Latin1.GetString([.. bytes]);
        var starts = Enumerable.Range(0, text.Length)
            .Where(i => text[i] is '"' || char.IsAsciiDigit(text[i]))
            .ToArray();
        if (starts.Length == 0)
            return;
        var start = starts[random.Next(starts.Length)];
        var end = start + 1;
        if (text[start] == '"')
        {
            end = text.IndexOf('"', start + 1) + 1;
            if (end == 0)
                return;
        }
        else
        {
            while (end < text.Length && char.IsAsciiDigit(text[end]))
                end++;
        }
        bytes.RemoveRange(start, end - start);
        var replacement = random.Next(3) switch
        {
            0 => Pick(Numbers),
            1 when dictionary.Count > 0 => $"\"{Pick(dictionary)}\"",
            _ => $"\"{Pick(Oddities)}\"",
        };
        Insert(bytes, start, replacement);
    }

    private void Swap(List<byte> bytes)
    {
        if (bytes.Count < 2)
            return;
        var (left, right) = (random.Next(bytes.Count), random.Next(bytes.Count));
        (bytes[left], bytes[right]) = (bytes[right], bytes[left]);
    }

    private string Pick(IReadOnlyList<string> texts) => texts[random.Next(texts.Count)];

    private static void Insert(List<byte> bytes, int at, string text) =>
        bytes.InsertRange(at, Encoding.UTF8.GetBytes(text));
}
