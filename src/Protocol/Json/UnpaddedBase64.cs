using System.Buffers.Text;

namespace Matrix.EventSourced.Protocol.Json;

/// <summary>Base64 without the equals signs at its end.</summary>
/// <remarks>Spec: v1.19 appendices #unpadded-base64. Decoding takes padding, too, and the URL-safe alphabet where it
/// says so.</remarks>
public static class UnpaddedBase64
{
    public static string Encode(ReadOnlySpan<byte> bytes) => Convert.ToBase64String(bytes).TrimEnd('=');

    public static string EncodeUrlSafe(ReadOnlySpan<byte> bytes) => Base64Url.EncodeToString(bytes);

    /// <summary>Decodes text that must be exactly as many bytes as the destination.</summary>
    public static bool TryDecodeExact(ReadOnlySpan<char> text, Span<byte> destination)
    {
        text = text.TrimEnd('=');
        if (text.Length != (destination.Length * 8 + 5) / 6)
            return false;
        Span<char> padded = stackalloc char[128];
        var paddedLength = (text.Length + 3) / 4 * 4;
        if (paddedLength > padded.Length)
            return false;
        text.CopyTo(padded);
        padded[text.Length..paddedLength].Fill('=');
        return Convert.TryFromBase64Chars(padded[..paddedLength], destination, out var written)
            && written == destination.Length;
    }

    /// <summary>Decodes text of any length, or returns null.</summary>
    public static byte[]? Decode(ReadOnlySpan<char> text)
    {
        text = text.TrimEnd('=');
        if (text.ContainsAny(' ', '\n', '\r') || text.Contains('\t'))
            return null;
        var padded = new char[(text.Length + 3) / 4 * 4];
        text.CopyTo(padded);
        padded.AsSpan(text.Length).Fill('=');
        var bytes = new byte[padded.Length / 4 * 3];
        return Convert.TryFromBase64Chars(padded, bytes, out var written) ? bytes[..written] : null;
    }
}
