using Matrix.EventSourced.Facts.Roomserver;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.EventAuth;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.RoomVersions;
using Matrix.EventSourced.Protocol.State;

namespace Matrix.EventSourced.Federation.FederationApi;

/// <summary>A room's graph as other servers ask for it: states, auth chains, history.</summary>
/// <remarks>
/// Ensures: what a server may not see by the room's history visibility is redacted, in state too where the PDU is not
/// state; rejected PDUs are shown to nobody.
/// Cost: state and auth chains are read in layers of at most <see cref="FederationApiLimits.ReadAtOnce"/> PDUs.
/// </remarks>
public sealed class RoomGraphReader(IRoomserverQueries queries, IStateNodeReader nodes)
{
    private static readonly StateTuple VisibilityTuple = new(EventTypes.HistoryVisibility, string.Empty);

    /// <summary>A PDU of the room with a known state; null for what is not here, rejected, or an outlier.</summary>
    public async ValueTask<RoomserverPdu?> FindAsync(RoomId roomId, EventId eventId)
    {
        var found = await queries.FindPdusAsync([eventId]);
        return found is [var pdu] && pdu.RoomId == roomId
            && pdu.Disposition is not (PduDisposition.Rejected or PduDisposition.Outlier)
                ? pdu
                : null;
    }

    /// <summary>The state before a PDU, in no order.</summary>
    public async ValueTask<List<EventId>> StateBeforeAsync(RoomserverPdu pdu)
    {
        var map = await StateMap.LoadAsync(pdu.StateBefore, nodes);
        var eventIds = new List<EventId>(map.Count);
        await foreach (var entry in map.EntriesAsync())
            eventIds.Add(entry.EventId);
        return eventIds;
    }

    /// <summary>The PDUs that are here, in no order. One part is read while the one before it is taken in.</summary>
    public async ValueTask<List<RoomserverPdu>> ReadAsync(IReadOnlyCollection<EventId> eventIds)
    {
        var found = new List<RoomserverPdu>(eventIds.Count);
        Task<IReadOnlyList<RoomserverPdu>>? underWay = null;
        foreach (var part in eventIds.Chunk(FederationApiLimits.ReadAtOnce))
        {
            var next = queries.FindPdusAsync(part).AsTask();
            if (underWay is not null)
                found.AddRange(await underWay);
            underWay = next;
        }
        if (underWay is not null)
            found.AddRange(await underWay);
        return found;
    }

    /// <summary>The auth chains of these PDUs together, without those that are only asked from.</summary>
    public async ValueTask<List<RoomserverPdu>> AuthChainAsync(IReadOnlyList<RoomserverPdu> from)
    {
        var chain = new List<RoomserverPdu>();
        var seen = new HashSet<EventId>();
        var layer = from;
        while (layer.Count > 0)
        {
            var next = new List<EventId>();
            foreach (var stored in layer)
            {
                foreach (var authEvent in Parse(stored).AuthEvents)
                {
                    if (seen.Add(authEvent))
                        next.Add(authEvent);
                }
            }
            var read = await ReadAsync(next);
            chain.AddRange(read);
            layer = read;
        }
        return chain;
    }

    /// <summary>History from these PDUs backwards, the newest first, at most <paramref name="limit"/>.</summary>
    /// <param name="roomId">The room.</param>
    /// <param name="from">Where to begin; those are in it unless <paramref name="isWithStart"/> is false.</param>
    /// <param name="without">PDUs that the other server has: nothing at or before them is given.</param>
    /// <param name="limit">How many at most.</param>
    /// <param name="isWithStart">Whether the PDUs to begin at are wanted themselves.</param>
    /// <param name="minDepth">PDUs of less depth are not given.</param>
    public async ValueTask<List<RoomserverPdu>> HistoryAsync(
        RoomId roomId,
        IReadOnlyList<EventId> from,
        IReadOnlySet<EventId> without,
        int limit,
        bool isWithStart,
        long minDepth)
    {
        var found = new List<RoomserverPdu>();
        var seen = new HashSet<EventId>(from);
        var queue = new PriorityQueue<RoomserverPdu, (long, string)>();
        await EnqueueAsync(roomId, from, queue);
        var starts = new HashSet<EventId>(from);
        while (found.Count < limit && queue.TryDequeue(out var next, out _))
        {
            var pdu = Parse(next);
            if (pdu.Depth < minDepth || without.Contains(next.EventId))
                continue;
            if (isWithStart || !starts.Contains(next.EventId))
                found.Add(next);
            var earlier = new List<EventId>();
            foreach (var prevEvent in pdu.PrevEvents)
            {
                if (!without.Contains(prevEvent) && seen.Add(prevEvent))
                    earlier.Add(prevEvent);
            }
            await EnqueueAsync(roomId, earlier, queue);
        }
        return found;
    }

    /// <summary>The PDU as the server may have it: whole, or redacted where it had nobody in the room who may see
    /// it.</summary>
    /// <remarks>Spec: v1.19 server-server-api #retrieving-events; client-server-api #room-history-visibility. State is
    /// never hidden: authorisation needs it, and redaction would change what it allows.</remarks>
    public async ValueTask<ReadOnlyMemory<byte>> ShowAsync(RoomserverPdu stored, ServerName server)
    {
        var pdu = Parse(stored);
        if (pdu.IsState || pdu.Sender.Server == server)
            return stored.Json;
        var map = await StateMap.LoadAsync(stored.StateBefore, nodes);
        var visibility = await map.GetAsync(VisibilityTuple) is { } eventId
            && await queries.FindPdusAsync([eventId]) is [var state]
                ? Parse(state).FindContentString("history_visibility"u8)
                : null;
        if (visibility is not ("joined" or "invited") || await HasMemberAsync(map, server, visibility == "invited"))
            return stored.Json;
        return Redaction.Redact(pdu);
    }

    public static Pdu Parse(RoomserverPdu stored)
    {
        var rules = RoomVersionRules.Find(stored.RoomVersion);
        Invariant.Holds(rules is not null, "the version of a stored PDU is known");
        return PduParser.ParseStored(stored.Json, rules, stored.EventId);
    }

    private async ValueTask EnqueueAsync(
        RoomId roomId, IReadOnlyList<EventId> eventIds, PriorityQueue<RoomserverPdu, (long, string)> queue)
    {
        if (eventIds.Count == 0)
            return;
        foreach (var stored in await queries.FindPdusAsync(eventIds))
        {
            if (stored.RoomId == roomId
                && stored.Disposition is not (PduDisposition.Rejected or PduDisposition.Outlier))
                queue.Enqueue(stored, (-Parse(stored).Depth, stored.EventId.Value));
        }
    }

    private async ValueTask<bool> HasMemberAsync(StateMap map, ServerName server, bool invitedToo)
    {
        var members = new List<EventId>();
        await foreach (var entry in map.EntriesOfTypeAsync(EventTypes.Member))
        {
            if (UserId.TryParse(entry.Tuple.StateKey, out var userId) && userId.Server == server)
                members.Add(entry.EventId);
        }
        foreach (var stored in await ReadAsync(members))
        {
            var membership = MembershipParser.Of(Parse(stored));
            if (membership == Protocol.EventAuth.Membership.Join
                || (invitedToo && membership == Protocol.EventAuth.Membership.Invite))
                return true;
        }
        return false;
    }
}
