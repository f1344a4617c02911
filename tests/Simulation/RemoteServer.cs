using Matrix.EventSourced.Protocol.EventAuth;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.RoomVersions;
using Matrix.EventSourced.Protocol.Signing;
using Matrix.EventSourced.Protocol.State;

namespace Matrix.EventSourced.Simulation.Tests;

/// <summary>Another server: makes PDUs on top of whatever it has seen, good ones and bad ones.</summary>
internal sealed class RemoteServer(Random random)
{
    private static readonly UserId[] Users = [UserId.Parse("@rita:remote"), UserId.Parse("@rolf:remote")];

    private static readonly ServerIdentity Identity = new(
        ServerName.Parse("remote"),
        ServerSigningKey.FromSeed(KeyId.Parse("ed25519:remote"), [.. Enumerable.Repeat((byte)7, 32)]));

    private static readonly string[] Topics = ["weather", "bread", "rust"];

    /// <summary>A new PDU of this server in the room, or null when it has nothing to say.</summary>
    public async ValueTask<Pdu?> MakeAsync(SimulatedRoom room, long nowMs)
    {
        var oracle = room.Oracle;
        var prevEvents = DrawPrevEvents(room);
        if (prevEvents.Count == 0)
            return null;
        var state = await oracle.ResolveAsync(prevEvents);
        var sender = Users[random.Next(Users.Length)];
        var isJoined = oracle.Get(state, AuthTuples.Member(sender.Value))?.Membership == "join";
        var (type, stateKey, content) = isJoined || random.Next(12) == 0
            ? DrawEvent(room, state, sender)
            : (EventTypes.Member, sender.Value, """{"membership":"join"}""");
        var said = ServerProcess.Json(content);
        // Now and then it cites the auth events of another state than the one before its PDU.
        var authState = random.Next(10) == 0 ? room.Checker.Current : state;
        var authEvents = AuthEventSelection.TuplesFor(type, stateKey, sender, said, room.Rules)
            .Where(authState.ContainsKey)
            .Select(tuple => authState[tuple])
            .ToList();
        if (random.Next(25) == 0 && authEvents.Count > 1)
            authEvents.RemoveAt(random.Next(authEvents.Count));
        var cited = prevEvents.Concat(authEvents).Distinct().Select(id => oracle[id].Pdu).ToList();
        var draft = new PduDraft(
            oracle.Create.RoomId,
            type,
            stateKey,
            sender,
            said,
            nowMs - random.Next(2_000),
            prevEvents.Max(id => oracle[id].Pdu.Depth) + 1,
            prevEvents,
            authEvents)
        {
            EventIdToReferenceHash = cited.ToDictionary(
                pdu => pdu.EventId, pdu => (ReadOnlyMemory<byte>)PduHashes.ReferenceHash(pdu)),
            Redacts = type == EventTypes.Redaction ? DrawTarget(room) : null,
        };
        if (PduBuilder.Build(draft, room.Rules, Identity) is not PduBuildResult.Built built
            || oracle.Knows(built.Pdu.EventId))
            return null;
        // Mostly it keeps to the rules.
        if (random.Next(6) > 0 && oracle.FindRefusal(built.Pdu, state) is not null)
            return null;
        await oracle.AddAsync(built.Pdu);
        return built.Pdu;
    }

    private List<EventId> DrawPrevEvents(SimulatedRoom room)
    {
        var all = room.Oracle.All;
        // The first join comes on the heads; before, there is no fork to be on.
        switch (random.Next(5))
        {
            case 0 when room.Undelivered.Count > 0:
                return [room.Undelivered[^1].EventId];
            case 1:
                return [.. Enumerable.Range(0, 1 + random.Next(2))
                    .Select(_ => all[Math.Max(0, all.Count - 1 - random.Next(12))].Pdu.EventId)
                    .Distinct()];
            case 2 when room.Checker.Extremities.Count > 0:
                return [room.Checker.Extremities[random.Next(room.Checker.Extremities.Count)]];
            case 3 when room.Undelivered.Count > 0 && room.Checker.Extremities.Count > 0:
                return [.. new[]
                {
                    room.Undelivered[random.Next(room.Undelivered.Count)].EventId,
                    room.Checker.Extremities[random.Next(room.Checker.Extremities.Count)],
                }.Distinct()];
            default:
                return [.. room.Checker.Extremities.Take(20)];
        }
    }

    private (string Type, string? StateKey, string Content) DrawEvent(
        SimulatedRoom room, Dictionary<StateTuple, EventId> state, UserId sender)
    {
        switch (random.Next(10))
        {
            case 0:
                return (EventTypes.Topic, "", $$"""{"topic":"{{Topics[random.Next(3)]}} {{random.Next(100)}}"}""");
            case 1:
                return (EventTypes.Member, sender.Value, """{"membership":"leave"}""");
            case 2:
                return (EventTypes.Member, DrawOther(sender), """{"membership":"invite"}""");
            case 3:
                return (EventTypes.Member, DrawOther(sender), """{"membership":"leave"}""");
            case 4:
                return (EventTypes.Member, DrawOther(sender), """{"membership":"ban"}""");
            case 5:
                return (EventTypes.PowerLevels, "", SimulatedRoom.DrawPowerLevels(
                    room.Oracle.Get(state, AuthTuples.PowerLevels), room.Rules, random));
            case 6:
                return (EventTypes.Redaction, null, """{"reason":"no"}""");
            case 7:
                return ("m.test", sender.Value, $$"""{"n":{{random.Next(1000)}}}""");
            default:
                return ("m.room.message", null, $$"""{"msgtype":"m.text","body":"{{random.Next(100_000)}}"}""");
        }
    }

    private string DrawOther(UserId sender)
    {
        var others = SimulatedRoom.Locals.Concat(Users).Where(user => user != sender).ToList();
        return others[random.Next(others.Count)].Value;
    }

    private EventId? DrawTarget(SimulatedRoom room)
    {
        var messages = room.Oracle.All.Where(one => one.Pdu.Type == "m.room.message").ToList();
        return messages.Count == 0 ? room.Oracle.Create.EventId : messages[random.Next(messages.Count)].Pdu.EventId;
    }
}

/// <summary>A room as the simulation follows it.</summary>
internal sealed class SimulatedRoom
{
    public static readonly UserId[] Locals =
        [UserId.Parse("@alice:hs"), UserId.Parse("@bob:hs"), UserId.Parse("@carol:hs"), UserId.Parse("@dave:hs")];

    public SimulatedRoom(RoomId roomId, RoomVersionRules rules)
    {
        RoomId = roomId;
        Rules = rules;
        Checker = new RoomChecker(roomId, Oracle, Locals[0].Server);
    }

    public RoomId RoomId { get; }

    public RoomVersionRules Rules { get; }

    public OracleRoom Oracle { get; } = new();

    public RoomChecker Checker { get; }

    /// <summary>PDUs of the other server that we have not acknowledged.</summary>
    public List<Pdu> Undelivered { get; } = [];

    /// <summary>The standing power levels with one number changed.</summary>
    public static string DrawPowerLevels(Pdu? standing, RoomVersionRules rules, Random random)
    {
        var everybody = Locals.Select(user => user.Value).Append("@rita:remote").Append("@rolf:remote").ToList();
        var content = System.Text.Json.Nodes.JsonNode.Parse(standing?.ContentUtf8.ToArray() ?? "{}"u8.ToArray())!
            .AsObject();
        var level = (int[])[0, 25, 50, 75, 100];
        switch (random.Next(3))
        {
            case 0:
                content["events_default"] = random.Next(4) == 0 ? 25 : 0;
                break;
            case 1:
                content["state_default"] = level[random.Next(3)];
                break;
            default:
                // Creators of version 12 must not be named; alice and bob create rooms.
                var named = rules.CreatorsHaveInfinitePower ? everybody[2..] : everybody;
                var users = content["users"] as System.Text.Json.Nodes.JsonObject;
                if (users is null)
                    content["users"] = users = [];
                users[named[random.Next(named.Count)]] = level[random.Next(level.Length)];
                break;
        }
        return content.ToJsonString();
    }
}
