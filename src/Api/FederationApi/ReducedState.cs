using Matrix.EventSourced.Federation.FederationApi;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Protocol.EventAuth;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Membership = Matrix.EventSourced.Protocol.EventAuth.Membership;

namespace Matrix.EventSourced.Api.FederationApi;

/// <summary>The state before a join for a server that does not need all members at once.</summary>
/// <remarks>
/// Spec: v1.19 server-server-api #put_matrixfederationv2send_joinroomideventid (omit_members); client-server-api
/// #get_matrixclientv3sync (m.heroes).
/// Shape: of the members those that authorise the join, and the heroes where the room has neither name nor alias.
/// Servers are those with joined members before the join, those with most first.
/// Cost: every PDU of the state is parsed once.
/// </remarks>
internal sealed record ReducedState(List<RoomserverPdu> Pdus, IReadOnlyList<ServerName> Servers)
{
    /// <summary>LIMIT: members whose names stand for a room without one (spec).</summary>
    private const int HeroesMax = 5;

    public static ReducedState Of(IReadOnlyList<RoomserverPdu> state, Pdu join)
    {
        var kept = new List<RoomserverPdu>();
        var others = new List<(RoomserverPdu Stored, Pdu Pdu, Membership Membership)>();
        var serverToMembers = new Dictionary<ServerName, int>();
        var hasName = false;
        foreach (var stored in state)
        {
            var pdu = RoomGraphReader.Parse(stored);
            hasName |= pdu is { Type: EventTypes.Name or EventTypes.CanonicalAlias, StateKey: "" };
            if (pdu.Type != EventTypes.Member)
            {
                kept.Add(stored);
                continue;
            }
            var membership = MembershipParser.Of(pdu);
            if (membership == Membership.Join && UserId.TryParse(pdu.StateKey, out var member))
                serverToMembers[member.Server] = serverToMembers.GetValueOrDefault(member.Server) + 1;
            if (pdu.StateKey == join.StateKey || join.AuthEvents.Contains(pdu.EventId))
                kept.Add(stored);
            else
                others.Add((stored, pdu, membership));
        }
        if (!hasName)
            kept.AddRange(Heroes(others).Select(hero => hero.Stored));
        return new ReducedState(kept, [.. serverToMembers
            .OrderByDescending(entry => entry.Value)
            .ThenBy(entry => entry.Key)
            .Select(entry => entry.Key)]);
    }

    /// <summary>The first who came, of those who are there or invited; of those who are gone where nobody is.</summary>
    private static IEnumerable<(RoomserverPdu Stored, Pdu Pdu, Membership Membership)> Heroes(
        List<(RoomserverPdu Stored, Pdu Pdu, Membership Membership)> members)
    {
        var ordered = members.OrderBy(member => member.Pdu.Depth)
            .ThenBy(member => member.Pdu.OriginServerTs)
            .ThenBy(member => member.Pdu.EventId)
            .ToList();
        var present = ordered.FindAll(member => member.Membership is Membership.Join or Membership.Invite);
        return (present.Count > 0 ? present : ordered).Take(HeroesMax);
    }
}
