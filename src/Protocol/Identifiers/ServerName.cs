using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Serialization;

namespace Matrix.EventSourced.Protocol.Identifiers;

/// <summary>The name of a homeserver: host and optional port.</summary>
/// <remarks>
/// Spec: v1.19 appendices #server-name.
/// Shape: DNS name, IPv4 literal or IPv6 literal in brackets, then a colon and up to five digits. Case-sensitive.
/// </remarks>
[JsonConverter(typeof(IdentifierJsonConverter<ServerName>))]
public readonly record struct ServerName : IIdentifier<ServerName>, IComparable<ServerName>
{
    private readonly string? _value;

    private ServerName(string value) => _value = value;

    public string Value => _value ?? throw new InvalidOperationException("A default ServerName was used.");

    public static bool TryParse([NotNullWhen(true)] string? text, out ServerName identifier)
    {
        if (text is null || !IdentifierGrammar.IsServerName(text.AsSpan()))
        {
            identifier = default;
            return false;
        }
        identifier = new(text);
        return true;
    }

    /// <summary>A part of an identifier whose grammar was checked already.</summary>
    internal static ServerName FromValidated(string text) => new(text);

    /// <summary>For text that was validated before; throws FormatException otherwise.</summary>
    public static ServerName Parse(string text) =>
        TryParse(text, out var identifier) ? identifier : throw new FormatException($"Not a ServerName: {text}");

    /// <summary>The host without the port; an IPv6 literal keeps its brackets.</summary>
    public ReadOnlySpan<char> Host
    {
        get
        {
            var colon = Value.LastIndexOf(':');
            return colon > Value.LastIndexOf(']') ? Value.AsSpan(0, colon) : Value;
        }
    }

    /// <summary>The explicit port, or null.</summary>
    public int? Port => Host.Length == Value.Length
        ? null
        : int.Parse(Value.AsSpan(Host.Length + 1), System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>By UTF-8 bytes, which is by code point.</summary>
    public int CompareTo(ServerName other) => Utf8Order.Compare(_value, other._value);

    public override string ToString() => _value ?? string.Empty;
}
