using System.Collections.Immutable;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Pdus;

namespace Matrix.EventSourced.Commands.Roomserver.Room;

/// <summary>What a room decider says.</summary>
public abstract record RoomDecision
{
    private RoomDecision() { }

    /// <summary>These PDUs, in this order, each building on the one before.</summary>
    public sealed record Accepted(ImmutableArray<DecidedPdu> Pdus) : RoomDecision;

    /// <summary>All is as asked already; <paramref name="EventId"/> names the PDU that made it so, where there is
    /// one.</summary>
    public sealed record AlreadyDone(EventId? EventId) : RoomDecision;

    public sealed record Refused(MatrixError Error) : RoomDecision;

    public static implicit operator RoomDecision(MatrixError error) => new Refused(error);
}

/// <summary>A PDU that was built and authorised, with what the log must say about it.</summary>
/// <remarks>Shape: StrippedState is a JSON array, for invites and knocks only.</remarks>
public sealed record DecidedPdu(Pdu Pdu)
{
    /// <summary>The PDU whose content this redaction removes, once it is in force.</summary>
    public EventId? RedactsApplied { get; init; }

    public RawJson? StrippedState { get; init; }
}
