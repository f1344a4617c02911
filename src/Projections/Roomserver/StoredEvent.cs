using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.RoomVersions;

namespace Matrix.EventSourced.Projections.Roomserver;

/// <summary>A PDU as the tables hold it, with what a client event says beside it.</summary>
/// <remarks>
/// Shape: Json is the federation form, redacted where the PDU is; Position is its place in the log, negative for
/// history that was fetched.
/// Replaced and Redaction are there where <see cref="Replaces"/> and <see cref="RedactedBy"/> are and the reader asked
/// for them.
/// Immutable: a redaction makes another instance. Identifiers stay strings here: they were validated before they were
/// stored.
/// </remarks>
public sealed class StoredEvent
{
    private Pdu? _pdu;

    public required string RoomId { get; init; }
    public required string EventId { get; init; }
    public required string RoomVersion { get; init; }
    public required long Position { get; init; }
    public required string Type { get; init; }
    public string? StateKey { get; init; }
    public required string Sender { get; init; }
    public required long OriginServerTs { get; init; }
    public required bool HasUrl { get; init; }
    public Membership? Membership { get; init; }

    /// <summary>For history that was fetched: the room's visibility at it; else null, since its position says
    /// it.</summary>
    public HistoryVisibility? Visibility { get; init; }

    /// <summary>For history that was fetched: the position of the PDU that led to it; else null.</summary>
    public long? HistoryAnchor { get; init; }

    /// <summary>See <see cref="TimelinePlace"/>.</summary>
    public long Anchor => HistoryAnchor ?? Position;
    public required ReadOnlyMemory<byte> Json { get; init; }

    /// <summary>The device and the transaction id of the request that sent it: shown to that device only.</summary>
    public string? DeviceId { get; init; }
    public string? TransactionId { get; init; }

    /// <summary>It was a delayed event: the transaction id is its delay_id, for all of the sender's devices.</summary>
    public bool IsDelayed { get; init; }

    /// <summary>The state event that this one took the place of.</summary>
    public string? Replaces { get; init; }
    public StoredEventBody? Replaced { get; init; }

    /// <summary>The redaction because of which the content is gone.</summary>
    public string? RedactedBy { get; init; }
    public StoredEventBody? Redaction { get; init; }

    /// <summary>The parsed PDU; parsed once. Two threads may both parse it, with the same result.</summary>
    public Pdu Pdu => _pdu ??= new StoredEventBody(EventId, RoomVersion, Json).Parse();

    /// <summary>The same PDU with its surroundings read.</summary>
    public StoredEvent With(StoredEventBody? replaced, StoredEventBody? redaction) =>
        Copy(Json, HasUrl, replaced ?? Replaced, RedactedBy, redaction ?? Redaction, _pdu);

    /// <summary>The same PDU without the content of the state event that it took the place of.</summary>
    public StoredEvent WithoutReplaced() => Copy(Json, HasUrl, null, RedactedBy, Redaction, _pdu);

    public StoredEvent Redacted(ReadOnlyMemory<byte> json, string redactedBy) =>
        Copy(json, false, Replaced, redactedBy, null, null);

    private StoredEvent Copy(
        ReadOnlyMemory<byte> json,
        bool hasUrl,
        StoredEventBody? replaced,
        string? redactedBy,
        StoredEventBody? redaction,
        Pdu? pdu) => new()
        {
            RoomId = RoomId,
            EventId = EventId,
            RoomVersion = RoomVersion,
            Position = Position,
            Type = Type,
            StateKey = StateKey,
            Sender = Sender,
            OriginServerTs = OriginServerTs,
            HasUrl = hasUrl,
            Membership = Membership,
            Visibility = Visibility,
            HistoryAnchor = HistoryAnchor,
            Json = json,
            DeviceId = DeviceId,
            TransactionId = TransactionId,
            IsDelayed = IsDelayed,
            Replaces = Replaces,
            Replaced = replaced,
            RedactedBy = redactedBy,
            Redaction = redaction,
            _pdu = pdu,
        };
}

/// <summary>A PDU that is shown inside another: its bytes and what is needed to read them.</summary>
public sealed record StoredEventBody(string EventId, string RoomVersion, ReadOnlyMemory<byte> Json)
{
    public Pdu Parse() => PduParser.ParseStored(
        Json,
        RoomVersionRules.Find(RoomVersion) ?? throw new InvalidOperationException(
            $"Stored room version {RoomVersion} is unknown."),
        Protocol.Identifiers.EventId.Parse(EventId));
}
