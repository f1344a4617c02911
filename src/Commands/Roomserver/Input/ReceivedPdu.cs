using System.Collections.Immutable;
using Matrix.EventSourced.Facts.Roomserver;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;

namespace Matrix.EventSourced.Commands.Roomserver.Input;

/// <summary>What a PDU of another server is to become here, when nothing speaks against it.</summary>
public enum ReceivedAs
{
    /// <summary>A new PDU of a room that we are in: goes through every check, moves the room on.</summary>
    Timeline,

    /// <summary>Known outside the timeline, to authorise others.</summary>
    Outlier,

    /// <summary>Old history: shown, but the room does not move.</summary>
    Backfill,
}

/// <summary>A PDU of another server after the checks that need no room: its form, its signatures, its hash.</summary>
/// <remarks>Spec: v1.19 server-server-api #checks-performed-on-receipt-of-a-pdu, checks 1 to 3. Shape: redacted where
/// the content hash did not hold, without <c>unsigned</c>.</remarks>
public sealed record ReceivedPdu(Pdu Pdu, ReceivedAs As = ReceivedAs.Timeline)
{
    /// <summary>The state before it as another server told us, where its prev_events are not known here; null to work
    /// it out from those.</summary>
    public IReadOnlyList<EventId>? StateBefore { get; init; }

    /// <summary>The server that sends it on: ours for what a server without the room's members hands to us, null for
    /// what came by transaction.</summary>
    public ServerName? SendOn { get; init; }

    /// <summary>The room's policy server was asked about it: without a signature it is soft-failed now.</summary>
    public bool IsPolicyAsked { get; init; }

    /// <summary>The request of ours that it was made for; null for what others made.</summary>
    internal OwnRequest? Own { get; init; }
}

/// <summary>What became of one received PDU.</summary>
public abstract record InputOutcome
{
    private InputOutcome() { }

    /// <summary>Recorded now.</summary>
    public sealed record Recorded(PduDisposition Disposition, string? Reason) : InputOutcome;

    /// <summary>It was there already.</summary>
    public sealed record Known(PduDisposition Disposition) : InputOutcome;

    /// <summary>Not recorded: these must be known first.</summary>
    /// <remarks>Shape: PrevEvents, AuthEvents and State are what is missing of each; at least one is not
    /// empty.</remarks>
    public sealed record Missing(
        ImmutableArray<EventId> PrevEvents, ImmutableArray<EventId> AuthEvents, ImmutableArray<EventId> State)
        : InputOutcome;

    /// <summary>Not recorded: the room's policy server is to be asked first, about this PDU or one before it.</summary>
    /// <remarks>Never leaves the Roomserver, which asks.</remarks>
    internal sealed record Undecided(PolicyServer Server) : InputOutcome;

    /// <summary>Not recorded: the request that it was made for led to this PDU before.</summary>
    internal sealed record Repeated(EventId EventId) : InputOutcome;

    /// <summary>Accepted, or shown as history.</summary>
    public bool IsShown => this is Recorded { Disposition: PduDisposition.Accepted or PduDisposition.Backfilled }
        or Known { Disposition: PduDisposition.Accepted or PduDisposition.Backfilled };
}

/// <summary>What became of an input.</summary>
public abstract record InputAnswer
{
    private InputAnswer() { }

    /// <summary>One outcome per PDU, in their order; what is recorded is durable.</summary>
    public sealed record Done(ImmutableArray<InputOutcome> Outcomes) : InputAnswer;

    /// <summary>Nothing was decided: the room is not here, or cannot be used now.</summary>
    public sealed record Refused(MatrixError Error) : InputAnswer;
}
