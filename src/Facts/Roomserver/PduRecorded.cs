using System.Collections.Immutable;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.State;

namespace Matrix.EventSourced.Facts.Roomserver;

/// <summary>What became of a PDU.</summary>
public enum PduDisposition
{
    /// <summary>Passed every check; shown to clients and built upon.</summary>
    Accepted,

    /// <summary>Fails authorisation by the current state: kept, not shown, not a forward extremity, but part of state
    /// resolution.</summary>
    SoftFailed,

    /// <summary>Fails authorisation: kept and marked, never shown, never built upon.</summary>
    Rejected,

    /// <summary>Known outside the timeline (auth chains, invites of rooms that we are not in).</summary>
    Outlier,

    /// <summary>Old history fetched from another server.</summary>
    Backfilled,
}

/// <summary>A PDU was decided: the one fact of a room's stream, <c>roomserver.pdu_recorded.v1</c>.</summary>
/// <remarks>
/// Shape: carries everything a reader needs, so that no reader resolves state. <see cref="Pdu"/> is the PDU in
/// federation form, verbatim (canonical, signed, without <c>event_id</c> from room version 3 on).
/// <see cref="StateBefore"/> is the state before the PDU,
/// <see cref="CurrentState"/> the room's current state after it; <see cref="StateAdded"/> and
/// <see cref="StateRemoved"/> are the delta of the <b>current</b> state (a replaced entry appears in Added only;
/// Removed names tuples that hold nothing any more).
/// <see cref="ForwardExtremities"/> are the room's after the PDU.
/// Consumers: apply the delta whatever the disposition; put the PDU on the timeline only when Accepted; when
/// <see cref="Redactions"/> names a PDU, replace its stored content by its redacted form and remember the redaction as
/// <c>redacted_because</c>. The stream's last record is enough to load the room: version, extremities, depth and
/// current root.
/// </remarks>
public sealed record PduRecorded : IRoomFact
{
    public required RoomId RoomId { get; init; }
    public required string RoomVersion { get; init; }
    public required EventId EventId { get; init; }
    public required RawJson Pdu { get; init; }
    public required PduDisposition Disposition { get; init; }

    /// <summary>Why it was soft-failed or rejected; names the rule.</summary>
    public string? Reason { get; init; }

    public ImmutableArray<StateEntry> StateAdded { get; init; } = [];
    public ImmutableArray<StateTuple> StateRemoved { get; init; } = [];
    public required ImmutableArray<EventId> ForwardExtremities { get; init; }
    public required StateRoot StateBefore { get; init; }
    public required StateRoot CurrentState { get; init; }

    /// <summary>How the state before the PDU differs from the current state before it, entries that hold there only;
    /// empty for a PDU on the room's heads. With <see cref="StateBeforeRemoved"/> it makes the map of
    /// <see cref="StateBefore"/> again. Outliers have neither: of them no state is known.</summary>
    public ImmutableArray<StateEntry> StateBeforeAdded { get; init; } = [];

    /// <summary>Tuples of the current state that hold nothing in the state before the PDU.</summary>
    public ImmutableArray<StateTuple> StateBeforeRemoved { get; init; } = [];

    /// <summary>The largest depth in the room after this PDU.</summary>
    public required long Depth { get; init; }

    /// <summary>The PDU whose content this redaction removes, once it is in force.</summary>
    public EventId? RedactsApplied { get; init; }

    /// <summary>The redaction that is in force on this PDU from the start: it came before what it redacts.</summary>
    public EventId? RedactedBy { get; init; }

    /// <summary>What is redacted from this fact on, and by which redaction.</summary>
    public ImmutableArray<AppliedRedaction> Redactions => (RedactsApplied, RedactedBy) switch
    {
        (null, null) => [],
        ({ } target, null) => [new(target, EventId)],
        (null, { } by) => [new(EventId, by)],
        ({ } target, { } by) => [new(target, EventId), new(EventId, by)],
    };

    /// <summary>For an invite or knock: the stripped state that the member's server may show, a JSON array. Spec:
    /// client-server-api #stripped-state.</summary>
    public RawJson? StrippedState { get; init; }

    /// <summary>The local device that sent it.</summary>
    public string? DeviceId { get; init; }

    /// <summary>The transaction id of the request that sent it, unique per sender, device and
    /// <see cref="TransactionScope"/>.</summary>
    public string? TransactionId { get; init; }

    /// <summary>The endpoint within which the transaction id is unique: <c>send/m.room.message</c>,
    /// <c>redact/$event</c>.</summary>
    public string? TransactionScope { get; init; }

    /// <summary>The server that sends it on to the room's other servers: ours for what our users send; null for what
    /// came by federation.</summary>
    public ServerName? SendOn { get; init; }

    /// <summary>Set once the PDU's content was erased from the log, some time after its redaction: then
    /// <see cref="Pdu"/> is the redacted form, and its content hash does not hold. All else is as it was.</summary>
    public ErasedContent? Erased { get; init; }
}

/// <summary>A redaction that is in force on its target.</summary>
public readonly record struct AppliedRedaction(EventId Target, EventId By);

/// <summary>What readers need to know of content that is gone.</summary>
/// <remarks>Shape: Thread, the root of the thread that it was a reply in; Parent, what else it related to. At most one
/// of them.</remarks>
public sealed record ErasedContent(EventId? Thread = null, EventId? Parent = null);

/// <summary>The content of a redacted PDU is gone from the log: <c>roomserver.content_erased.v1</c>, stream
/// <c>erasure-log</c>.</summary>
/// <remarks>
/// Shape: Positions, the records that were rewritten; written after they were, so that what is not said here is done
/// again. RedactedBy, the redaction that asked for it.
/// Consumers: delete what would not be there had the PDU never had its content.
/// </remarks>
public sealed record ContentErased(
    RoomId RoomId, EventId EventId, EventId RedactedBy, ImmutableArray<long> Positions) : IFact;
