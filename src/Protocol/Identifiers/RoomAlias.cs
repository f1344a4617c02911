using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Serialization;

namespace Matrix.EventSourced.Protocol.Identifiers;

/// <summary>A room alias: <c>#alias:server</c>.</summary>
/// <remarks>Spec: v1.19 appendices #room-aliases.</remarks>
[JsonConverter(typeof(IdentifierJsonConverter<RoomAlias>))]
public readonly record struct RoomAlias : IIdentifier<RoomAlias>, IComparable<RoomAlias>
{
    private readonly string? _value;

    private RoomAlias(string value) => _value = value;

    public string Value => _value ?? throw new InvalidOperationException("A default RoomAlias was used.");

    public static bool TryParse([NotNullWhen(true)] string? text, out RoomAlias identifier)
    {
        if (text is null || !IdentifierGrammar.IsRoomAlias(text))
        {
            identifier = default;
            return false;
        }
        identifier = new(text);
        return true;
    }

    /// <summary>For text that was validated before; throws FormatException otherwise.</summary>
    public static RoomAlias Parse(string text) =>
        TryParse(text, out var identifier) ? identifier : throw new FormatException($"Not a RoomAlias: {text}");

    /// <summary>The server part: what stands after the first colon.</summary>
    public ServerName Server => ServerName.FromValidated(Value[(Value.IndexOf(':', StringComparison.Ordinal) + 1)..]);

    /// <summary>Whether <see cref="Server"/> is this server, without making a string.</summary>
    public bool IsOn(ServerName server) =>
        Value.AsSpan(Value.IndexOf(':', StringComparison.Ordinal) + 1).SequenceEqual(server.Value);

    /// <summary>What stands between the sigil and the first colon.</summary>
    public ReadOnlySpan<char> Localpart => Value.AsSpan(1, Value.IndexOf(':', StringComparison.Ordinal) - 1);

    /// <summary>By UTF-8 bytes, which is by code point.</summary>
    public int CompareTo(RoomAlias other) => Utf8Order.Compare(_value, other._value);

    public override string ToString() => _value ?? string.Empty;
}
