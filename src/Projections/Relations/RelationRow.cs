using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Matrix.EventSourced.Facts.Roomserver;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.RoomVersions;

namespace Matrix.EventSourced.Projections.Relations;

/// <summary>A row of <c>relations</c>.</summary>
internal sealed record RelationRow(
    string EventId,
    string RoomId,
    long Position,
    short Disposition,
    Relation Relation,
    string Type,
    string Sender,
    bool IsState,
    bool HasNewContent,
    long OriginServerTs)
{
    public bool IsRedacted { get; init; }

    /// <summary>The row of a PDU, or null when it relates to nothing.</summary>
    public static RelationRow? Find(long position, PduRecorded fact)
    {
        var rules = RoomVersionRules.Find(fact.RoomVersion)
            ?? throw new InvalidOperationException($"Room version {fact.RoomVersion} at {position} is unknown.");
        // Most PDUs relate to nothing: a look at the bytes is cheaper than parsing them.
        if (fact.Pdu.Utf8.Span.IndexOf("m.relates_to"u8) < 0)
            return null;
        var pdu = PduParser.ParseStored(fact.Pdu.Utf8, rules, fact.EventId);
        if (Relation.Find(pdu.Content) is not { } relation)
            return null;
        return new(
            fact.EventId.Value,
            fact.RoomId.Value,
            position,
            (short)fact.Disposition,
            relation,
            pdu.Type,
            pdu.Sender.Value,
            pdu.StateKey is not null,
            // An encrypted edit has it where only the clients see it.
            pdu.Type == "m.room.encrypted" || pdu.Content.TryGetProperty("m.new_content"u8, out _),
            pdu.OriginServerTs);
    }

    /// <summary>A PDU may be recorded twice (an outlier that is accepted later): what is on the timeline never
    /// moves, and what is redacted stays so.</summary>
    public RelationRow After(RelationRow earlier) => this with
    {
        Position = earlier.Disposition == (short)PduDisposition.Accepted ? earlier.Position : Position,
        IsRedacted = earlier.IsRedacted,
    };
}

/// <summary>What the content of an event says that it relates to.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #forming-relationships-between-events, #relationship-types.
/// Shape: EventId is an event id, Type has 1 to 255 bytes; Key is the annotation's, where there is one.
/// </remarks>
public sealed record Relation(string EventId, string Type, string? Key)
{
    public const string Annotation = "m.annotation";
    public const string Reference = "m.reference";
    public const string Replace = "m.replace";
    public const string Thread = "m.thread";

    /// <summary>The relation, or null when there is none that fits the schema: such are ignored.</summary>
    public static Relation? Find(JsonElement content)
    {
        if (content.ValueKind != JsonValueKind.Object
            || !content.TryGetProperty("m.relates_to"u8, out var relatesTo)
            || relatesTo.ValueKind != JsonValueKind.Object
            || Text(relatesTo, "event_id"u8) is not { } eventId
            || Text(relatesTo, "rel_type"u8) is not { } type
            || !IsType(type)
            || !Protocol.Identifiers.EventId.TryParse(eventId, out _)
            || eventId.Contains('\0', StringComparison.Ordinal))
        {
            return null;
        }
        return new(eventId, type, Text(relatesTo, "key"u8));
    }

    /// <summary>What stands for the key in the table: a key may be any text of any length.</summary>
    public byte[]? KeySha256 => Key is null ? null : SHA256.HashData(Encoding.UTF8.GetBytes(Key));

    private static bool IsType(string type) =>
        type.Length > 0
        && Encoding.UTF8.GetByteCount(type) <= Limits.IdentifierBytesMax
        && !type.Contains('\0', StringComparison.Ordinal);

    private static string? Text(JsonElement owner, ReadOnlySpan<byte> name) =>
        owner.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String
            ? value.GetString()
            : null;
}
