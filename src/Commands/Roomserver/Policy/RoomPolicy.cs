using System.Collections.Immutable;
using Matrix.EventSourced.Commands.Roomserver.Room;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.State;

namespace Matrix.EventSourced.Commands.Roomserver.Policy;

/// <summary>Finds the policy server of a room: the one that its state names, when a user of it is there.</summary>
/// <remarks>
/// Spec: v1.19 server-server-api #determining-if-a-policy-server-is-enabled-in-a-room.
/// Shape: owned by the room's worker; it remembers which member was found, or in which state there was none, so that a
/// large room is walked through once.
/// </remarks>
internal sealed class RoomPolicy
{
    private UserId? _member;
    private (ServerName Server, StateRoot Root)? _absent;

    /// <summary>The policy server by the current state; null for a room without one.</summary>
    /// <param name="current">The room's current state.</param>
    /// <param name="find">Reads the PDU that holds an entry of that state.</param>
    public async ValueTask<PolicyServer?> FindAsync(StateMap current, Func<StateTuple, ValueTask<Pdu?>> find) =>
        PolicyServer.From(await find(RoomTuples.Policy)) is { } server
        && await HasMemberAsync(server.Server, current, find)
            ? server
            : null;

    /// <summary>Whom a room that is founded with a policy server must ask, for each of its PDUs.</summary>
    /// <remarks>Only the creator is in it, so it is a policy server under the creator's own server's name.</remarks>
    public static ImmutableArray<PolicyServer?> OfFounding(ImmutableArray<DecidedPdu> pdus)
    {
        PolicyServer? server = null;
        var servers = ImmutableArray.CreateBuilder<PolicyServer?>(pdus.Length);
        foreach (var (pdu, creator) in pdus.Select(decided => (decided.Pdu, pdus[0].Pdu.Sender)))
        {
            servers.Add(server is not null && MustAsk(server, pdu) ? server : null);
            if (pdu.StateTuple == RoomTuples.Policy)
                server = PolicyServer.From(pdu) is { } named && named.Server == creator.Server ? named : null;
        }
        return servers.MoveToImmutable();
    }

    public static bool MustAsk(PolicyServer server, Pdu pdu) => PolicyServer.MustSign(pdu) && !server.HasSigned(pdu);

    private async ValueTask<bool> HasMemberAsync(
        ServerName server, StateMap current, Func<StateTuple, ValueTask<Pdu?>> find)
    {
        if (_absent is { } absent && absent.Server == server && absent.Root == current.Root)
            return false;
        if (_member is { } seen && seen.Server == server && IsJoined(await find(RoomTuples.Member(seen))))
            return true;
        await foreach (var entry in current.EntriesOfTypeAsync(EventTypes.Member))
        {
            if (!UserId.TryParse(entry.Tuple.StateKey, out var userId) || userId.Server != server
                || !IsJoined(await find(entry.Tuple)))
                continue;
            _member = userId;
            return true;
        }
        _absent = (server, current.Root);
        return false;
    }

    private static bool IsJoined(Pdu? member) => member is { Membership: "join" };
}
