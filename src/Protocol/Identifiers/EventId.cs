using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Serialization;

namespace Matrix.EventSourced.Protocol.Identifiers;

/// <summary>
/// A PDU: <c>$</c> and a reference hash (room version 3 and later), or an opaque id and a server name.
/// </summary>
/// <remarks>Spec: v1.19 appendices #event-ids.</remarks>
[JsonConverter(typeof(IdentifierJsonConverter<EventId>))]
public readonly record struct EventId : IIdentifier<EventId>, IComparable<EventId>
{
    private readonly string? _value;

    private EventId(string value) => _value = value;

    public string Value => _value ?? throw new InvalidOperationException("A default EventId was used.");

    public static bool TryParse([NotNullWhen(true)] string? text, out EventId identifier)
    {
        if (text is null || !IdentifierGrammar.IsEventId(text))
        {
            identifier = default;
            return false;
        }
        identifier = new(text);
        return true;
    }

    /// <summary>An id that was just made of a hash.</summary>
    internal static EventId FromValidated(string text) => new(text);

    /// <summary>For text that was validated before; throws FormatException otherwise.</summary>
    public static EventId Parse(string text) =>
        TryParse(text, out var identifier) ? identifier : throw new FormatException($"Not an EventId: {text}");

    /// <summary>The server part of an id of room versions 1 and 2; null for other ids.</summary>
    public ServerName? Server
    {
        get
        {
            var colon = Value.IndexOf(':', StringComparison.Ordinal);
            return colon >= 0 && ServerName.TryParse(Value[(colon + 1)..], out var server) ? server : null;
        }
    }

    /// <summary>By UTF-8 bytes, which is by code point.</summary>
    public int CompareTo(EventId other) => Utf8Order.Compare(_value, other._value);

    public override string ToString() => _value ?? string.Empty;
}
