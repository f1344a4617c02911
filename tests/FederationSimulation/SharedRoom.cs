using Matrix.EventSourced.Protocol.EventAuth;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.RoomVersions;
using Matrix.EventSourced.Protocol.State;
using Matrix.EventSourced.Simulation.Tests;

namespace Matrix.EventSourced.FederationSimulation.Tests;

/// <summary>A room of several servers, as somebody sees it who has seen every PDU that anybody made.</summary>
internal sealed class SharedRoom(RoomId roomId, RoomVersionRules rules)
{
    public RoomId RoomId => roomId;

    public RoomVersionRules Rules => rules;

    public OracleRoom Oracle { get; } = new();

    /// <summary>PDUs that no server may record: nobody who is entitled has signed them.</summary>
    public HashSet<EventId> Forged { get; } = [];

    /// <summary>The PDUs at and before some, as far as they are known.</summary>
    public HashSet<EventId> Ancestors(IEnumerable<EventId> eventIds)
    {
        var found = new HashSet<EventId>();
        var waiting = new Stack<EventId>(eventIds);
        while (waiting.TryPop(out var eventId))
        {
            if (!found.Add(eventId) || Oracle.FindHeard(eventId) is not { } pdu)
                continue;
            foreach (var prevEvent in pdu.PrevEvents)
                waiting.Push(prevEvent);
        }
        return found;
    }

    /// <summary>The standing power levels with one number changed.</summary>
    public string DrawPowerLevels(Dictionary<StateTuple, EventId> state, IReadOnlyList<UserId> users, Random random)
    {
        var standing = Oracle.Get(state, AuthTuples.PowerLevels);
        var content = System.Text.Json.Nodes.JsonNode.Parse(standing?.ContentUtf8.ToArray() ?? "{}"u8.ToArray())!.AsObject();
        switch (random.Next(4))
        {
            case 0:
                content["events_default"] = random.Next(4) == 0 ? 25 : 0;
                break;
            case 1:
                content["state_default"] = (int[])[0, 25, 50] is var levels ? levels[random.Next(3)] : 50;
                break;
            default:
                var named = rules.CreatorsHaveInfinitePower
                    ? [.. users.Where(user => user != Oracle.Create.Sender)]
                    : users;
                if (content["users"] is not System.Text.Json.Nodes.JsonObject powers)
                    content["users"] = powers = [];
                powers[named[random.Next(named.Count)].Value] = random.Next(5) * 25;
                break;
        }
        return content.ToJsonString();
    }
}
