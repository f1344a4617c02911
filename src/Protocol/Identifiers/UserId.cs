using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Serialization;

namespace Matrix.EventSourced.Protocol.Identifiers;

/// <summary>A user: <c>@localpart:server</c>.</summary>
/// <remarks>Spec: v1.19 appendices #user-identifiers.</remarks>
[JsonConverter(typeof(IdentifierJsonConverter<UserId>))]
public readonly record struct UserId : IIdentifier<UserId>, IComparable<UserId>
{
    private readonly string? _value;

    private UserId(string value) => _value = value;

    public string Value => _value ?? throw new InvalidOperationException("A default UserId was used.");

    public static bool TryParse([NotNullWhen(true)] string? text, out UserId identifier)
    {
        if (text is null || !IdentifierGrammar.IsUserId(text))
        {
            identifier = default;
            return false;
        }
        identifier = new(text);
        return true;
    }

    /// <summary>For text that was validated before; throws FormatException otherwise.</summary>
    public static UserId Parse(string text) =>
        TryParse(text, out var identifier) ? identifier : throw new FormatException($"Not a UserId: {text}");

    /// <summary>The server part: what stands after the first colon.</summary>
    public ServerName Server => ServerName.Parse(Value[(Value.IndexOf(':', StringComparison.Ordinal) + 1)..]);

    /// <summary>What stands between the sigil and the first colon.</summary>
    public ReadOnlySpan<char> Localpart => Value.AsSpan(1, Value.IndexOf(':', StringComparison.Ordinal) - 1);

    public int CompareTo(UserId other) => string.CompareOrdinal(Value, other.Value);

    public override string ToString() => _value ?? string.Empty;
}
