using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Facts.DelayedEvents;

/// <summary>A delayed event was scheduled, restarted, or came to its end: <c>delayedevents.changed.v1</c>, stream
/// <c>delayedevent-…</c>, which keeps only its last record.</summary>
/// <remarks>
/// Shape: each record says everything. StateKey is null for a message event; Content is a JSON object, verbatim;
/// OriginServerTs is what an application service said. Units: DelayMs milliseconds from DelayedSinceTs, Unix
/// milliseconds, which is when it was scheduled or restarted.
/// Consumers: without <see cref="Finalised"/> it is to be sent once its time is there, however late.
/// </remarks>
public sealed record DelayedEventChanged(
    string DelayId,
    UserId Sender,
    RoomId RoomId,
    string Type,
    string? StateKey,
    RawJson Content,
    long DelayMs,
    long DelayedSinceTs,
    long? OriginServerTs = null,
    DelayedEventOutcome? Finalised = null) : IFact;

/// <summary>What became of a delayed event: sent (EventId), failed (Error, the standard error object), or cancelled
/// (neither).</summary>
/// <remarks>Units: FinalisedTs, Unix milliseconds.</remarks>
public sealed record DelayedEventOutcome(long FinalisedTs, EventId? EventId = null, RawJson? Error = null);
