using System.Text.Json;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.RoomVersions;
using Matrix.EventSourced.Protocol.State;

namespace Matrix.EventSourced.Protocol.Pdus;

/// <summary>A persistent data unit: one node of a room's graph, in the form in which servers exchange it.</summary>
/// <remarks>
/// Spec: v1.19 server-server-api #pdus; rooms/v1, v3, v4, v6, v11, v12 #event-format.
/// Shape: keeps its canonical bytes; the envelope is read when it is made, lists and objects when they are first asked
/// for.
/// Immutable, safe to share between threads. Two PDUs are equal if their ids are.
/// Units: <see cref="OriginServerTs"/>, Unix milliseconds as its sender claims.
/// Requires: made by <see cref="PduParser"/> or <see cref="PduBuilder"/> only.
/// </remarks>
public sealed class Pdu : IEquatable<Pdu>
{
    private readonly JsonSlice _content;
    private readonly JsonSlice _prevEvents;
    private readonly JsonSlice _authEvents;
    private readonly JsonSlice _hashes;
    private readonly JsonSlice _signatures;
    private readonly JsonSlice _unsigned;
    private EventId[]? _prevEventIds;
    private EventId[]? _authEventIds;
    private JsonDocument? _contentDocument;

    internal Pdu(ReadOnlyMemory<byte> canonical, RoomVersionRules rules, EventId eventId, in PduEnvelope envelope)
    {
        Json = canonical;
        Rules = rules;
        EventId = eventId;
        Type = envelope.Type!;
        StateKey = envelope.StateKey;
        Sender = envelope.Sender!.Value;
        HasRoomId = envelope.RoomId is not null;
        RoomId = rules.RoomIdIsCreateHash && IsCreate ? RoomId.OfCreate(eventId) : envelope.RoomId!.Value;
        OriginServerTs = envelope.OriginServerTs!.Value;
        Depth = envelope.Depth ?? 0;
        Redacts = envelope.Redacts;
        _content = envelope.Content;
        _prevEvents = envelope.PrevEvents;
        _authEvents = envelope.AuthEvents;
        _hashes = envelope.Hashes;
        _signatures = envelope.Signatures;
        _unsigned = envelope.Unsigned;
    }

    public RoomVersionRules Rules { get; }

    /// <summary>The canonical federation form, byte for byte what is hashed, stored and sent on.</summary>
    public ReadOnlyMemory<byte> Json { get; }

    public EventId EventId { get; }

    /// <summary>The room; for the create PDU of a version 12 room made from its own id.</summary>
    public RoomId RoomId { get; }

    /// <summary>Whether <c>room_id</c> is in the JSON: a create PDU of version 12 must not have it (auth rule
    /// 1.2).</summary>
    public bool HasRoomId { get; }

    public string Type { get; }

    /// <summary>Null if this is no state.</summary>
    public string? StateKey { get; }

    public UserId Sender { get; }

    public long OriginServerTs { get; }

    public long Depth { get; }

    /// <summary>The target of an <c>m.room.redaction</c>, from where the room version keeps it.</summary>
    public EventId? Redacts { get; }

    public bool IsState => StateKey is not null;

    public bool IsCreate => Type == EventTypes.Create && StateKey is { Length: 0 };

    /// <summary>The state entry that this PDU sets, or null.</summary>
    public StateTuple? StateTuple => StateKey is null ? null : new StateTuple(Type, StateKey);

    public IReadOnlyList<EventId> PrevEvents => _prevEventIds ??= ReadReferences(_prevEvents);

    public IReadOnlyList<EventId> AuthEvents => _authEventIds ??= ReadReferences(_authEvents);

    public ReadOnlyMemory<byte> ContentUtf8 => _content.Of(Json);

    /// <summary>The content, parsed when first asked for.</summary>
    public JsonElement Content => (_contentDocument ??= ParseObject(ContentUtf8)).RootElement;

    /// <summary>Undefined if there is none. Another server's word: nothing in it is signed.</summary>
    public JsonElement Unsigned => _unsigned.IsPresent ? ParseObject(_unsigned.Of(Json)).RootElement : default;

    /// <summary>The <c>hashes</c> object; empty in old PDUs without one.</summary>
    public ReadOnlyMemory<byte> HashesUtf8 => _hashes.IsPresent ? _hashes.Of(Json) : "{}"u8.ToArray();

    /// <summary>The <c>signatures</c> object; empty in old PDUs without one.</summary>
    public ReadOnlyMemory<byte> SignaturesUtf8 => _signatures.IsPresent ? _signatures.Of(Json) : "{}"u8.ToArray();

    /// <summary>The string in <c>content</c> under a key, without parsing the content; null for anything
    /// else.</summary>
    public string? FindContentString(ReadOnlySpan<byte> key) => JsonMembers.FindString(ContentUtf8.Span, key);

    /// <summary>The <c>membership</c> of a member PDU, or null.</summary>
    public string? Membership => Type == EventTypes.Member ? FindContentString("membership"u8) : null;

    /// <summary>The same PDU after a redaction: same id, since the id covers only what a redaction leaves.</summary>
    public Pdu ToRedacted() => PduParser.ParseStored(Redaction.Redact(this), Rules, EventId);

    public bool Equals(Pdu? other) => other is not null && EventId == other.EventId;

    public override bool Equals(object? obj) => Equals(obj as Pdu);

    public override int GetHashCode() => EventId.GetHashCode();

    public override string ToString() => $"{EventId} ({Type})";

    private static JsonDocument ParseObject(ReadOnlyMemory<byte> utf8) =>
        JsonDocument.Parse(utf8, new JsonDocumentOptions { MaxDepth = Limits.JsonDepthMax });

    private EventId[] ReadReferences(JsonSlice slice) => slice.IsPresent
        ? PduReferences.Read(slice.Of(Json.Span), Rules) ?? throw new InvalidOperationException(
            $"{EventId} was not checked.")
        : [];
}
