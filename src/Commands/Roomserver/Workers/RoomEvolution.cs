using System.Collections.Immutable;
using Matrix.EventSourced.Commands.Roomserver.Room;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.Roomserver;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.State;

namespace Matrix.EventSourced.Commands.Roomserver.Workers;

/// <summary>Takes a decided PDU into the room: the fact that the log gets, and the room after it.</summary>
/// <remarks>
/// Requires: the PDU cites forward extremities of the room only. Ensures: the extremities that it cites are replaced by
/// it, all others stay.
/// Cost: nothing but arrays for a message; one path of the state map for a state PDU.
/// </remarks>
// HOT
internal static class RoomEvolution
{
    /// <param name="before">The room before, null for a create PDU.</param>
    /// <param name="decided">The PDU.</param>
    /// <param name="command">The command that led to it.</param>
    /// <param name="sendOn">This server, which sends the PDU on to others.</param>
    public static async ValueTask<(RoomState After, PduRecorded Fact)> RecordAsync(
        RoomState? before, DecidedPdu decided, RoomCommand command, ServerName sendOn)
    {
        var pdu = decided.Pdu;
        var stateBefore = before?.Current ?? StateMap.Empty;
        var current = pdu.StateTuple is { } tuple ? await stateBefore.SetAsync(tuple, pdu.EventId) : stateBefore;
        var extremities = Advance(before?.ForwardExtremities ?? [], pdu);
        var depth = Math.Max(before?.Depth ?? 0, pdu.Depth);
        var after = new RoomState
        {
            RoomId = pdu.RoomId,
            Rules = pdu.Rules,
            FoundCreate = before?.FoundCreate ?? pdu,
            ForwardExtremities = extremities,
            Depth = depth,
            Current = current,
            Revision = (before?.Revision ?? -1) + 1,
            Position = before?.Position ?? LogPosition.Start,
        };
        var fact = new PduRecorded
        {
            RoomId = pdu.RoomId,
            RoomVersion = pdu.Rules.Version,
            EventId = pdu.EventId,
            Pdu = new RawJson(pdu.Json),
            Disposition = PduDisposition.Accepted,
            StateAdded = pdu.StateTuple is { } added ? [new StateEntry(added, pdu.EventId)] : [],
            ForwardExtremities = extremities,
            StateBefore = stateBefore.Root,
            CurrentState = current.Root,
            Depth = depth,
            RedactsApplied = decided.RedactsApplied,
            StrippedState = decided.StrippedState,
            DeviceId = command.Transaction?.DeviceId ?? command.Context.Actor.Device,
            TransactionId = command.Transaction?.TransactionId,
            TransactionScope = command.Transaction?.Scope,
            SendOn = sendOn,
        };
        return (after, fact);
    }

    private static ImmutableArray<EventId> Advance(ImmutableArray<EventId> before, Pdu pdu)
    {
        if (before.Length <= 1)
        {
            Invariant.Holds(before.IsEmpty || (
                pdu.PrevEvents.Count == 1 && pdu.PrevEvents[0] == before[0]), "a local PDU cites the room's extremity");
            return [pdu.EventId];
        }
        var after = ImmutableArray.CreateBuilder<EventId>(before.Length);
        foreach (var extremity in before)
        {
            if (!pdu.PrevEvents.Contains(extremity))
                after.Add(extremity);
        }
        after.Add(pdu.EventId);
        return after.ToImmutable();
    }
}
