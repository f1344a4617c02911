using System.Collections.Immutable;
using Matrix.EventSourced.Commands.Roomserver.Policy;
using Matrix.EventSourced.Commands.Roomserver.Room;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.State;

namespace Matrix.EventSourced.Commands.Roomserver.Workers;

/// <content>What the room's policy server must sign.</content>
internal sealed partial class RoomWorker
{
    /// <summary>LIMIT: PDUs of ours that are at the policy server at once. Ours: so many branches does the room get,
    /// and so long do its users wait for a slow one.</summary>
    private const int SignedAtOnce = 4;

    private readonly RoomPolicy _policy = new();

    /// <summary>Who is on the way to the policy server and back; entered by callers, not by the worker.</summary>
    public SemaphoreSlim SigningLane { get; } = new(SignedAtOnce, SignedAtOnce);

    /// <summary>Whom a decision's PDUs lack a signature of; null when they can be recorded as they are.</summary>
    private async ValueTask<RoomAnswer.Unsigned?> FindUnsignedAsync(RoomDecision.Accepted accepted, RoomState? room)
    {
        var pdus = accepted.Pdus;
        if (pdus.IsEmpty)
            return null;
        if (room is not { IsPresent: true })
        {
            var servers = RoomPolicy.OfFounding(pdus);
            return servers.Any(static server => server is not null) ? new RoomAnswer.Unsigned(pdus, servers) : null;
        }
        Protocol.Invariant.Holds(pdus.Length == 1, "a command makes one PDU in a room that exists");
        return await FindPolicyServerAsync(room) is { } found && RoomPolicy.MustAsk(found, pdus[0].Pdu)
            ? new RoomAnswer.Unsigned(pdus, [found])
            : null;
    }

    private async ValueTask<PolicyServer?> FindPolicyServerAsync(RoomState room)
    {
        await _entries.LoadAsync(room, RoomTuples.Policy);
        return _entries.Loaded[RoomTuples.Policy] is null
            ? null
            : await _policy.FindAsync(room.Current, FindAsync);

        async ValueTask<Pdu?> FindAsync(StateTuple tuple)
        {
            await _entries.LoadAsync(room, tuple);
            return _entries.Loaded[tuple];
        }
    }
}
