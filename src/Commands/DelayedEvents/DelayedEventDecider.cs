using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Facts.DelayedEvents;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Commands.DelayedEvents;

/// <summary>What a client can do with an event that it scheduled.</summary>
public enum DelayedEventAction
{
    /// <summary>Sends it now.</summary>
    Send,

    /// <summary>Sees to it that it is never sent.</summary>
    Cancel,

    /// <summary>Lets its time begin anew.</summary>
    Restart,
}

/// <summary>Decides what may be written to <c>delayedevent-…</c>. Pure.</summary>
/// <remarks>MSC4140: what has happened already is a success, what contradicts it 409 M_UNKNOWN.</remarks>
public static class DelayedEventDecider
{
    public static MatrixError Unknown { get; } = MatrixError.NotFound("There is no such delayed event.");

    public static Decision Restart(DelayedEventState state, UserId userId, long nowMs) =>
        FindOf(state, userId) is not { } scheduled ? Unknown
        : scheduled.Finalised is { } outcome ? Conflict(outcome)
        : Decision.Accept(scheduled with { DelayedSinceTs = nowMs });

    public static Decision Cancel(DelayedEventState state, UserId userId, long nowMs) =>
        FindOf(state, userId) is not { } scheduled ? Unknown
        : scheduled.Finalised is not { } outcome ? Finalise(scheduled, new DelayedEventOutcome(nowMs))
        : outcome.EventId is null ? Decision.Nothing
        : Conflict(outcome);

    /// <summary>Takes down what became of it; nothing where that is known already.</summary>
    public static Decision Finalise(DelayedEventState state, DelayedEventOutcome outcome) =>
        state.Event is { Finalised: null } scheduled ? Finalise(scheduled, outcome) : Decision.Nothing;

    /// <summary>The event, where it is this user's.</summary>
    public static DelayedEventChanged? FindOf(DelayedEventState state, UserId userId) =>
        state.Event is { } scheduled && scheduled.Sender == userId ? scheduled : null;

    public static MatrixError Conflict(DelayedEventOutcome outcome) => new(
        409,
        ErrCodes.Unknown,
        outcome.EventId is null ? "The event has been cancelled already." : "The event has been sent already.");

    private static Decision Finalise(DelayedEventChanged scheduled, DelayedEventOutcome outcome) =>
        Decision.Accept(scheduled with { Finalised = outcome });
}
