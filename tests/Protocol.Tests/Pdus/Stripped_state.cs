using System.Buffers;
using System.Text;
using System.Text.Json;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.RoomVersions;
using Matrix.EventSourced.Protocol.Tests.EventAuth;

namespace Matrix.EventSourced.Protocol.Tests.Pdus;

public sealed class Stripped_state
{
    private const string Shown =
        """{"content":{"name":"A \u00e9"},"sender":"@a:one.example","state_key":"","type":"m.room.name"}""";

    [Fact]
    public void shows_four_members_of_a_pdu_and_nothing_else()
    {
        foreach (var rules in RoomVersionRules.All)
        {
            var name = Name(rules);

            Assert.True(JsonElement.DeepEquals(JsonElement.Parse(Shown), Written(name)));
            Assert.True(JsonElement.DeepEquals(JsonElement.Parse(Shown), Pruned(Text(name))!.Value));
        }
    }

    [Fact]
    public void keeps_what_is_stripped_already()
    {
        Assert.True(JsonElement.DeepEquals(JsonElement.Parse(Shown), Pruned(Shown)!.Value));
        Assert.True(JsonElement.DeepEquals(
            JsonElement.Parse(Shown), Pruned(Shown[..^1] + ""","unsigned":{"age":1},"event_id":"$a:x"}""")!.Value));
    }

    [Theory]
    [InlineData("7")]
    [InlineData("{}")]
    [InlineData("""{"content":{},"sender":"@a:one.example","type":"m.room.name"}""")]
    [InlineData("""{"content":{},"sender":"alice","state_key":"","type":"m.room.name"}""")]
    [InlineData("""{"content":[],"sender":"@a:one.example","state_key":"","type":"m.room.name"}""")]
    [InlineData("""{"content":{},"sender":"@a:one.example","state_key":7,"type":"m.room.name"}""")]
    [InlineData("""{"content":{},"sender":"@a:one.example","state_key":"","type":null}""")]
    [InlineData("""{"content":{},"sender":"@a:one.example","state_key":"","type":"a","type":"b"}""")]
    [InlineData("""{"content":{},"sender":"@a:one.example","state_key":"\ud800","type":"a"}""")]
    public void leaves_out_what_is_no_state_event(string entry) => Assert.Null(Pruned(entry));

    [Fact]
    public void is_read_as_pdus_of_the_room()
    {
        foreach (var rules in RoomVersionRules.All)
        {
            var create = Create(rules);

            var read = Assert.IsType<StrippedStateResult.Read>(Read(rules, Text(create), Text(Name(rules))));

            Assert.Equal(2, read.Pdus.Count);
            Assert.All(read.Pdus, pdu => Assert.Equal(RoomOf(rules), pdu.RoomId));
        }
    }

    [Fact]
    public void is_refused_when_it_is_not_what_the_spec_asks_for()
    {
        foreach (var rules in RoomVersionRules.All)
        {
            var create = Text(Create(rules));
            var message = Make(rules, EventTypes.Message, null, "{}", RoomOf(rules));
            var elsewhere = Make(
                rules, EventTypes.Name, "", "{}",
                RoomId.Parse(rules.RoomIdIsCreateHash ? "!" + new string('A', 43) : "!other:one.example"));

            AssertRefused(Read(rules, Text(Name(rules))));
            AssertRefused(Read(rules, create, Shown));
            AssertRefused(Read(rules, create, Text(message)));
            AssertRefused(Read(rules, create, Text(elsewhere)));
            AssertRefused(Read(rules, create, "7"));
            AssertRefused(Read(rules, [.. Enumerable.Repeat(create, Limits.StrippedStateEntriesMax + 1)]));
            AssertRefused(StrippedState.Read(JsonElement.Parse("{}"), rules, RoomOf(rules)));
        }
    }

    private static void AssertRefused(StrippedStateResult result) =>
        Assert.Equal(ErrCodes.InvalidParam, Assert.IsType<StrippedStateResult.Refused>(result).Error.ErrCode);

    private static StrippedStateResult Read(RoomVersionRules rules, params string[] entries) =>
        StrippedState.Read(JsonElement.Parse($"[{string.Join(',', entries)}]"), rules, RoomOf(rules));

    private static JsonElement Written(Pdu pdu)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
            StrippedState.Write(json, pdu);
        return JsonElement.Parse(buffer.WrittenSpan);
    }

    private static JsonElement? Pruned(string entry)
    {
        var buffer = new ArrayBufferWriter<byte>();
        bool isWritten;
        using (var json = new Utf8JsonWriter(buffer))
            isWritten = StrippedState.TryWrite(json, JsonElement.Parse(entry));
        return isWritten ? JsonElement.Parse(buffer.WrittenSpan) : null;
    }

    private static string Text(Pdu pdu) => Encoding.UTF8.GetString(pdu.Json.Span);

    private static Pdu Create(RoomVersionRules rules)
    {
        var made = PduMaker.Make(
            new("create", EventTypes.Create, "", "@a:one.example", """{"creator":"@a:one.example"}""")
            {
                RoomId = rules.RoomIdIsCreateHash ? null : RoomId.Parse("!room:one.example"),
            },
            rules);
        return ((PduParseResult.Parsed)PduParser.Parse(made.Json, rules)).Pdu;
    }

    private static RoomId RoomOf(RoomVersionRules rules) => Create(rules).RoomId;

    private static Pdu Name(RoomVersionRules rules) =>
        Make(rules, EventTypes.Name, "", """{"name":"A \u00e9"}""", RoomOf(rules));

    private static Pdu Make(RoomVersionRules rules, string type, string? stateKey, string content, RoomId roomId) =>
        PduMaker.Make(new("name", type, stateKey, "@a:one.example", content) { RoomId = roomId }, rules);
}
