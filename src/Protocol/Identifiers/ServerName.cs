using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Serialization;

namespace Matrix.EventSourced.Protocol.Identifiers;

/// <summary>The name of a homeserver: host and optional port.</summary>
/// <remarks>Spec: v1.19 appendices #server-name.</remarks>
[JsonConverter(typeof(IdentifierJsonConverter<ServerName>))]
public readonly record struct ServerName : IIdentifier<ServerName>, IComparable<ServerName>
{
    private readonly string? _value;

    private ServerName(string value) => _value = value;

    public string Value => _value ?? throw new InvalidOperationException("A default ServerName was used.");

    public static bool TryParse([NotNullWhen(true)] string? text, out ServerName identifier)
    {
        if (text is null || !IdentifierGrammar.IsServerName(text))
        {
            identifier = default;
            return false;
        }
        identifier = new(text);
        return true;
    }

    /// <summary>For text that was validated before; throws FormatException otherwise.</summary>
    public static ServerName Parse(string text) =>
        TryParse(text, out var identifier) ? identifier : throw new FormatException($"Not a ServerName: {text}");

    public int CompareTo(ServerName other) => string.CompareOrdinal(Value, other.Value);

    public override string ToString() => _value ?? string.Empty;
}
