using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.Roomserver.Perform;
using Matrix.EventSourced.Facts.Roomserver;
using Matrix.EventSourced.Protocol.EventAuth;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Simulation.Tests;

namespace Matrix.EventSourced.FederationSimulation.Tests;

/// <content>The end: what must hold once everything was delivered.</content>
internal sealed partial class FederationSimulation
{
    private List<SimulatedServer> ResidentsOf(SharedRoom room) => [.. _servers.Where(server =>
        server.Rooms.TryGetValue(room.RoomId, out var checker) && checker.IsResident(server.Name))];

    /// <summary>Each server that is in the room says something, which cites all that it has; first all at once, then one
    /// after the other.</summary>
    private async Task CloseAsync(SharedRoom room, int round)
    {
        foreach (var server in round == 2 ? Recognised(room).Take(1).ToList() : ResidentsOf(room))
        {
            await SaySomethingAsync(room, server, round);
            if (round > 0)
                await QuietAsync();
        }
        await QuietAsync();
    }

    /// <summary>What a member may always say: who they are.</summary>
    private async Task SaySomethingAsync(SharedRoom room, SimulatedServer server, int round)
    {
        var current = server.Rooms[room.RoomId].Current;
        var user = server.Users.FirstOrDefault(user => room.Oracle.Get(current, AuthTuples.Member(user.Value))?.Membership == "join");
        if (user == default)
            return;
        var content = Json($$"""{"membership":"join","displayname":"round {{round}}"}""");
        var answer = await server.Process!.SendAsync(new SendState(
            server.Process.ContextOf(user), room.RoomId, user, EventTypes.Member, user.Value, content));
        _world.Say($"{server.Name} {user} in {room.RoomId} says round {round}: {Describe(answer)}");
        if (answer is CommandResult<EventId>.Refused refused)
            throw new SimulationFailure($"{user} cannot say anything in {room.RoomId} on {server.Name}: {refused.Error}");
        _acknowledged.Add((server, room.RoomId, ((CommandResult<EventId>.Done)answer).Value));
    }

    /// <summary>The servers that all of them see in the room. Others are out of it without having heard of it: who makes them
    /// leave tells only those whom he sees in the room.</summary>
    private List<SimulatedServer> Recognised(SharedRoom room)
    {
        var residents = ResidentsOf(room);
        // The largest group that sees itself.
        return residents
            .Select(one => residents.Where(other => one.Rooms[room.RoomId].IsResident(other.Name)
                && other.Rooms[room.RoomId].IsResident(one.Name)).ToList())
            .OrderByDescending(group => group.Count)
            .FirstOrDefault() ?? [];
    }

    private static bool HaveSameHeads(List<SimulatedServer> servers, SharedRoom room) =>
        servers.Select(server => server.Rooms[room.RoomId].Extremities.ToHashSet()).Distinct(HashSet<EventId>.CreateSetComparer()).Count() < 2;

    /// <summary>Whether their heads differ only by PDUs that one has soft-failed and another has not.</summary>
    private static bool AreHeldApart(List<SimulatedServer> servers, SharedRoom room)
    {
        var rooms = servers.ConvertAll(server => server.Rooms[room.RoomId]);
        return !HaveSameHeads(servers, room) && rooms.SelectMany(one => one.Extremities)
            .Distinct()
            .Where(head => !rooms.TrueForAll(one => one.Extremities.Contains(head)))
            .All(head => rooms.Exists(one => one.Decided.GetValueOrDefault(head) == PduDisposition.SoftFailed));
    }

    /// <summary>Who came later fetches what was before.</summary>
    private async Task BackfillAsync()
    {
        foreach (var room in _rooms.Values)
        {
            foreach (var server in Recognised(room))
            {
                var pages = 0;
                while (await server.Process!.BackfillAsync(server.Users[0], room.RoomId, 100))
                {
                    if (++pages > 50)
                        throw new SimulationFailure($"history of {room.RoomId} does not end on {server.Name}");
                }
            }
        }
        await QuietAsync();
    }

    /// <summary>What was before the join by which a server came into a room is history: it is not shown as if it were
    /// new.</summary>
    private void CheckHistory(SharedRoom room)
    {
        foreach (var server in _servers)
        {
            if (!server.Rooms.TryGetValue(room.RoomId, out var checker) || checker.FirstInstalled is null)
                continue;
            // Of two joins at once the one that is here first need not be the first in the room.
            var join = checker.Decided.Keys.Select(eventId => room.Oracle.FindHeard(eventId)!)
                .Where(pdu => pdu.Membership == "join" && pdu.Sender.Server == server.Name && pdu.StateKey == pdu.Sender.Value)
                .MinBy(pdu => pdu.Depth)!;
            var before = room.Ancestors(join.PrevEvents);
            var accepted = checker.Decided.Where(entry => entry.Value == PduDisposition.Accepted)
                .Select(entry => room.Oracle.FindHeard(entry.Key)!).ToList();
            // What came by itself from beside the join may be as deep as what is before it.
            var minDepth = accepted.Where(pdu => !before.Contains(pdu.EventId)).Min(pdu => pdu.Depth);
            foreach (var eventId in accepted.Where(pdu => pdu.Depth < minDepth).Select(pdu => pdu.EventId))
            {
                // What a transaction brought is news to who had it from nobody else, though it was made before the join.
                if (before.Contains(eventId) && room.Oracle.FindHeard(eventId)! is var pdu
                    && pdu.Sender.Server != server.Name && !_network.WasSentTo(server.Name, pdu.Json))
                    throw new SimulationFailure($"{eventId} in {room.RoomId} was before {join.EventId} of {server.Name}, and is shown as new there");
            }
        }
    }

    private void CheckAgreement(SharedRoom room)
    {
        var servers = Recognised(room);
        _exiled += ResidentsOf(room).Count - servers.Count;
        if (servers.Count < 2)
            return;
        if (AreHeldApart(servers, room))
        {
            _apart++;
            return;
        }
        _sharedRooms++;
        _sharedBy += servers.Count;
        var first = servers[0];
        var ofFirst = first.Rooms[room.RoomId];
        foreach (var server in servers.Skip(1))
        {
            var checker = server.Rooms[room.RoomId];
            var pair = $"{room.RoomId} (version {room.Rules.Version}) on {first.Name} and {server.Name}:";
            if (!checker.Extremities.ToHashSet().SetEquals(ofFirst.Extremities))
            {
                throw new SimulationFailure(
                    $"{pair} extremities [{string.Join(", ", ofFirst.Extremities)}] and [{string.Join(", ", checker.Extremities)}]");
            }
            if (OracleRoom.MapOf(checker.Current).Root != OracleRoom.MapOf(ofFirst.Current).Root)
            {
                var differing = checker.Current.Except(ofFirst.Current).Concat(ofFirst.Current.Except(checker.Current));
                throw new SimulationFailure($"{pair} other states: {string.Join(", ", differing.Select(entry => entry.Key).Distinct())}");
            }
            CheckSamePdus(room, first, server);
            CheckSamePdus(room, server, first);
        }
    }

    /// <summary>What one has accepted the other has decided on, too, unless it lies before what nobody gave it, or on a branch
    /// that the one gave up when it left the room and came back.</summary>
    private static void CheckSamePdus(SharedRoom room, SimulatedServer one, SimulatedServer other)
    {
        var (ofOne, ofOther) = (one.Rooms[room.RoomId], other.Rooms[room.RoomId]);
        var before = room.Ancestors(ofOne.Extremities);
        HashSet<EventId>? beforeGaps = null;
        foreach (var (eventId, disposition) in ofOne.Decided)
        {
            var there = ofOther.Decided.TryGetValue(eventId, out var otherwise);
            var isRedaction = room.Oracle.FindHeard(eventId)?.Type == EventTypes.Redaction;
            if (there && !isRedaction && (disposition == PduDisposition.Rejected) != (otherwise == PduDisposition.Rejected))
                throw new SimulationFailure($"{eventId} in {room.RoomId} is {disposition} on {one.Name} and {otherwise} on {other.Name}");
            if (there || disposition != PduDisposition.Accepted || !before.Contains(eventId))
                continue;
            beforeGaps ??= room.Ancestors(ofOther.MissingLinks);
            if (!beforeGaps.Contains(eventId))
                throw new SimulationFailure($"{eventId} in {room.RoomId} is accepted on {one.Name}, and {other.Name} has never had it");
        }
    }

    /// <summary>Nothing waits any more, but for what was delivered where the disk did not take the fact.</summary>
    private static void CheckDelivered(SimulatedServer server)
    {
        if (server.Process!.Log.Failures == 0 && server.Tables.Deliveries.Waiting() is [var destination, ..])
            throw new SimulationFailure($"{server.Name} still has something for {destination}");
    }
}
