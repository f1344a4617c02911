using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Serialization;

namespace Matrix.EventSourced.Protocol.Identifiers;

/// <summary>What names a piece of media within the server that it comes from.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #content-repo-security-considerations.
/// Shape: 1 to <see cref="Limits.IdentifierBytesMax"/> of <c>A-Za-z0-9_-</c>, so it can stand in a path and in the name
/// of a stream as it is. Case-sensitive.
/// </remarks>
[JsonConverter(typeof(IdentifierJsonConverter<MediaId>))]
public readonly record struct MediaId : IIdentifier<MediaId>
{
    private readonly string? _value;

    private MediaId(string value) => _value = value;

    public string Value => _value ?? throw new InvalidOperationException("A default MediaId was used.");

    public static bool TryParse([NotNullWhen(true)] string? text, out MediaId identifier)
    {
        identifier = default;
        if (text is null || text.Length is 0 or > Limits.IdentifierBytesMax)
            return false;
        foreach (var character in text)
        {
            if (!char.IsAsciiLetterOrDigit(character) && character is not ('_' or '-'))
                return false;
        }
        identifier = new(text);
        return true;
    }

    /// <summary>For text that was validated before; throws FormatException otherwise.</summary>
    public static MediaId Parse(string text) =>
        TryParse(text, out var identifier) ? identifier : throw new FormatException($"Not a MediaId: {text}");

    public override string ToString() => _value ?? string.Empty;
}
