using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Serialization;

namespace Matrix.EventSourced.Protocol.Identifiers;

/// <summary>A room: opaque, <c>!</c> and, before room version 12, a server name.</summary>
/// <remarks>Spec: v1.19 appendices #room-ids.</remarks>
[JsonConverter(typeof(IdentifierJsonConverter<RoomId>))]
public readonly record struct RoomId : IIdentifier<RoomId>, IComparable<RoomId>
{
    private readonly string? _value;

    private RoomId(string value) => _value = value;

    public string Value => _value ?? throw new InvalidOperationException("A default RoomId was used.");

    public static bool TryParse([NotNullWhen(true)] string? text, out RoomId identifier)
    {
        if (text is null || !IdentifierGrammar.IsRoomId(text))
        {
            identifier = default;
            return false;
        }
        identifier = new(text);
        return true;
    }

    /// <summary>For text that was validated before; throws FormatException otherwise.</summary>
    public static RoomId Parse(string text) =>
        TryParse(text, out var identifier) ? identifier : throw new FormatException($"Not a RoomId: {text}");

    public int CompareTo(RoomId other) => string.CompareOrdinal(Value, other.Value);

    public override string ToString() => _value ?? string.Empty;
}
