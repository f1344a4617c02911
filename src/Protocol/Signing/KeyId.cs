using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Serialization;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Protocol.Signing;

/// <summary>The name of a signing key: algorithm and version, <c>ed25519:abc</c>.</summary>
/// <remarks>Spec: v1.19 appendices #signing-details (the version holds letters, digits and underscores).</remarks>
[JsonConverter(typeof(IdentifierJsonConverter<KeyId>))]
public readonly record struct KeyId : IIdentifier<KeyId>, IComparable<KeyId>
{
    private const string Ed25519Prefix = "ed25519:";

    private readonly string? _value;

    private KeyId(string value) => _value = value;

    public string Value => _value ?? throw new InvalidOperationException("A default KeyId was used.");

    /// <summary>Whether keys of this name are Ed25519 keys, the only ones that the spec has.</summary>
    public bool IsEd25519 => Value.StartsWith(Ed25519Prefix, StringComparison.Ordinal);

    public static bool TryParse([NotNullWhen(true)] string? text, out KeyId identifier)
    {
        identifier = default;
        if (text is null || text.Length > Limits.IdentifierBytesMax)
            return false;
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        if (colon < 1 || colon == text.Length - 1)
            return false;
        for (var i = 0; i < text.Length; i++)
        {
            if (i != colon && !char.IsAsciiLetterOrDigit(text[i]) && text[i] != '_')
                return false;
        }
        identifier = new(text);
        return true;
    }

    /// <summary>For text that was validated before; throws FormatException otherwise.</summary>
    public static KeyId Parse(string text) =>
        TryParse(text, out var identifier) ? identifier : throw new FormatException($"Not a KeyId: {text}");

    public int CompareTo(KeyId other) => string.CompareOrdinal(Value, other.Value);

    public override string ToString() => _value ?? string.Empty;
}
