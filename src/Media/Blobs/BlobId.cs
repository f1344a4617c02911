using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;

namespace Matrix.EventSourced.Media.Blobs;

/// <summary>The name of a blob: the SHA-256 of its bytes.</summary>
/// <remarks>Shape: 64 lower-case hexadecimal digits, so it can be a file's name as it is.</remarks>
public readonly record struct BlobId
{
    private const int Length = SHA256.HashSizeInBytes * 2;

    private static readonly SearchValues<char> Digits = SearchValues.Create("0123456789abcdef");

    private readonly string? _value;

    private BlobId(string value) => _value = value;

    public string Value => _value ?? throw new InvalidOperationException("A default BlobId was used.");

    public static BlobId Of(ReadOnlySpan<byte> sha256) => new(Convert.ToHexStringLower(sha256));

    public static bool TryParse([NotNullWhen(true)] string? text, out BlobId id)
    {
        id = default;
        if (text is not { Length: Length } || text.AsSpan().ContainsAnyExcept(Digits))
            return false;
        id = new BlobId(text);
        return true;
    }

    /// <summary>For text that was validated before; throws FormatException otherwise.</summary>
    public static BlobId Parse(string text) =>
        TryParse(text, out var id) ? id : throw new FormatException($"Not a BlobId: {text}");

    public override string ToString() => _value ?? string.Empty;
}
