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

    /// <summary>The id of a version 12 room: its create PDU's event id with the other sigil.</summary>
    public static RoomId OfCreate(EventId createEventId) => new(string.Concat("!", createEventId.Value.AsSpan(1)));

    /// <summary>The inverse of <see cref="OfCreate"/>; meaningful only where the room version says so.</summary>
    public EventId ToCreateEventId() => EventId.Parse(string.Concat("$", Value.AsSpan(1)));

    /// <summary>The server part of a room id that has one; a mere name space, not where the room lives.</summary>
    public ServerName? Server
    {
        get
        {
            var colon = Value.IndexOf(':', StringComparison.Ordinal);
            return colon < 0 ? null : ServerName.FromValidated(Value[(colon + 1)..]);
        }
    }

    /// <summary>By UTF-8 bytes, which is by code point.</summary>
    public int CompareTo(RoomId other) => Utf8Order.Compare(_value, other._value);

    public override string ToString() => _value ?? string.Empty;
}
