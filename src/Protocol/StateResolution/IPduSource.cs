using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.State;

namespace Matrix.EventSourced.Protocol.StateResolution;

/// <summary>A PDU that this server has, and whether it rejected it.</summary>
/// <remarks>Spec: v1.19 server-server-api #rejection. Shape: a rejected PDU is found, too; resolution never uses it to
/// authorise another.</remarks>
public readonly record struct KnownPdu(Pdu Pdu, bool IsRejected);

/// <summary>Where state resolution finds the PDUs of a room.</summary>
/// <remarks>
/// Requires: every PDU that is in a state, and every PDU of its auth chain, can be found.
/// Cost: resolution asks in batches, and only for what is in conflict and its auth chains; it asks nothing twice.
/// </remarks>
public interface IPduSource
{
    /// <summary>The PDUs of these ids, in the order asked for; null for one that this server does not have.</summary>
    ValueTask<IReadOnlyList<KnownPdu?>> GetAsync(IReadOnlyList<EventId> eventIds);

    /// <summary>The state PDUs of the room that list this one in their auth_events, in any order. Read only as far as
    /// is needed.</summary>
    IAsyncEnumerable<StateEntry> CitedByAsync(EventId eventId);
}
