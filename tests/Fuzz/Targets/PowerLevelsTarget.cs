using System.Text;
using Matrix.EventSourced.Protocol.EventAuth;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.RoomVersions;
using Matrix.EventSourced.Protocol.State;
using static Matrix.EventSourced.Fuzz.BrokenLawException;

namespace Matrix.EventSourced.Fuzz.Targets;

/// <summary>Contents of power levels in every room version: read, and changed from one to another.</summary>
internal sealed class PowerLevelsTarget : IFuzzTarget
{
    private static readonly UserId Alice = UserId.Parse("@alice:example.org");
    private static readonly UserId Bob = UserId.Parse("@bob:example.org");

    public string Name => "power-levels";

    public IReadOnlyList<string> Dictionary { get; } =
    [
        "\"users\":{\"@alice:example.org\":100},", "\"events\":{\"m.room.name\":50},", "\" +0100 \"", "\"-5\"", "50.57",
        "5.114698E4", "\"notifications\":{\"room\":50},", "\"users_default\":", "\"invite\":", "\"redact\":",
        "Infinity",
        "\"1e1\"", "\"99999999999999999999\"", "@bob:example.org", "state_default", "events_default", "kick", "ban",
    ];

    public string Run(ReadOnlyMemory<byte> input)
    {
        var outcome = string.Empty;
        foreach (var rules in RoomVersionRules.All)
            outcome += RunIn(rules, input);
        return outcome;
    }

    private static string RunIn(RoomVersionRules rules, ReadOnlyMemory<byte> content)
    {
        var create = Make(
            rules, null, EventTypes.Create, Encoding.UTF8.GetBytes("""{"creator":"@alice:example.org"}"""))!;
        if (Make(rules, create, EventTypes.PowerLevels, content) is not { } powerLevels)
            return "-";
        var levels = PowerLevels.From(powerLevels, create);
        if (rules.CreatorsHaveInfinitePower)
            ThrowUnless(levels.UserLevel(Alice) == PowerLevels.Infinite, "Creators have infinite power.");
        _ = levels.UserLevel(Bob) + levels.EventLevel("m.room.name", true) + levels.NotificationLevel("room");

        var join = Make(
            rules, create, EventTypes.Member, Encoding.UTF8.GetBytes("""{"membership":"join"}"""), Alice.Value)!;
        var state = new State(create, join, powerLevels);
        var first = EventAuthorisation.Check(powerLevels, new State(create, join, null), create);
        var unchanged = EventAuthorisation.Check(powerLevels, state, create);
        return $"{first.IsAllowed}{unchanged.IsAllowed}";
    }

    private static Pdu? Make(
        RoomVersionRules rules, Pdu? create, string type, ReadOnlyMemory<byte> content, string stateKey = "")
    {
        var references = create is null ? "[]"
            : rules.ReferencesArePairs ? $$"""[["{{create.EventId}}",{}]]""" : $$"""["{{create.EventId}}"]""";
        var roomId = create is not null ? create.RoomId.Value : rules.RoomIdIsCreateHash ? null : "!room:example.org";
        var before = $$"""
            {"auth_events":{{references}},"prev_events":{{references}},"depth":1,"origin_server_ts":1,"hashes":{},
            "signatures":{},"sender":"{{Alice}}","state_key":"{{stateKey}}","type":"{{type}}",
            {{(roomId is null ? "" : $"\"room_id\":\"{roomId}\",")}}
            {{(rules.EventIdIsHash ? "" : $"\"event_id\":\"${type}:example.org\",")}}"content":
            """;
        byte[] json = [.. Encoding.UTF8.GetBytes(before), .. content.Span, (byte)'}'];
        return (PduParser.Parse(json, rules) as PduParseResult.Parsed)?.Pdu;
    }

    private sealed class State(Pdu create, Pdu join, Pdu? powerLevels) : IAuthState
    {
        public Pdu? Get(StateTuple tuple) => tuple.Type switch
        {
            EventTypes.Create => create,
            EventTypes.PowerLevels => powerLevels,
            EventTypes.Member when tuple.StateKey == join.StateKey => join,
            _ => null,
        };
    }
}
