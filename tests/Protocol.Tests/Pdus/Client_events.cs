using System.Buffers;
using System.Text;
using System.Text.Json;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.RoomVersions;

namespace Matrix.EventSourced.Protocol.Tests.Pdus;

public sealed class Client_events
{
    private const string Hash = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU";

    [Theory]
    [InlineData(ClientEventFormat.Federation)]
    [InlineData(ClientEventFormat.WithRoomId)]
    [InlineData(ClientEventFormat.WithoutRoomId)]
    public void never_show_an_id_that_the_sender_made_up(ClientEventFormat format)
    {
        // Found by fuzzing: the federation form showed an event_id from the JSON, which where ids are hashes is
        // anybody's invention and let one PDU pass for another.
        foreach (var rules in RoomVersionRules.All.Where(rules => rules.EventIdIsHash))
        {
            var roomId = rules.RoomIdIsCreateHash ? "!" + Hash : "!room:one.example";
            var json = $$"""
                {"auth_events":[],"content":{},"depth":1,"event_id":"${{Hash}}","hashes":{},"origin_server_ts":1,
                "prev_events":[],"room_id":"{{roomId}}","sender":"@alice:one.example","signatures":{},"type":"m.test",
                "unsigned":{"age":5,"transaction_id":"forged"} }
                """;
            var pdu = ((PduParseResult.Parsed)PduParser.Parse(Encoding.UTF8.GetBytes(json), rules)).Pdu;

            var shown = Written(pdu, format);

            Assert.NotEqual("$" + Hash, pdu.EventId.Value);
            Assert.Equal(pdu.EventId.Value, shown.GetProperty("event_id").GetString());
            Assert.False(shown.TryGetProperty("unsigned", out _));
            Assert.Equal(format == ClientEventFormat.WithoutRoomId, !shown.TryGetProperty("room_id", out _));
        }
    }

    [Theory]
    [InlineData(ClientEventFormat.WithRoomId)]
    [InlineData(ClientEventFormat.WithoutRoomId)]
    public void show_what_is_redacted_in_both_places_whatever_the_sender_put_into_the_other(ClientEventFormat format)
    {
        foreach (var rules in RoomVersionRules.All)
        {
            var (top, inContent) = rules.RedactsInContent ? ("$forged:x", "$real:x") : ("$real:x", "$forged:x");
            var pdu = Redaction(rules, $"\"redacts\":\"{top}\"", $"\"redacts\":\"{inContent}\"");

            var shown = Written(pdu, format);

            Assert.Equal("$real:x", pdu.Redacts?.Value);
            Assert.Equal("$real:x", shown.GetProperty("redacts").GetString());
            Assert.Equal("$real:x", shown.GetProperty("content").GetProperty("redacts").GetString());
            Assert.Equal("spam", shown.GetProperty("content").GetProperty("reason").GetString());
        }
    }

    [Fact]
    public void show_a_redaction_that_was_redacted_as_what_is_left_of_it()
    {
        foreach (var rules in RoomVersionRules.All)
        {
            var pdu = Redaction(rules, "\"redacts\":\"$a:x\"", "\"redacts\":\"$a:x\"").ToRedacted();

            var shown = Written(pdu, ClientEventFormat.WithRoomId);

            // From version 11 on, a redaction keeps what it redacts; before, that stood at the top level and goes.
            Assert.Equal(rules.RedactsInContent, shown.TryGetProperty("redacts", out _));
            Assert.Equal(rules.RedactsInContent, shown.GetProperty("content").TryGetProperty("redacts", out _));
            Assert.False(shown.GetProperty("content").TryGetProperty("reason", out _));
        }
    }

    private static Pdu Redaction(RoomVersionRules rules, string top, string inContent)
    {
        var json = $$$"""
            {"auth_events":[],"content":{{{{inContent}}},"reason":"spam"},"depth":1,"event_id":"$x:one.example","hashes":{},
            "origin_server_ts":1,"prev_events":[],{{{top}}},
            "room_id":"{{{(rules.RoomIdIsCreateHash ? "!" + Hash : "!room:one.example")}}}",
            "sender":"@alice:one.example","signatures":{},"type":"m.room.redaction"}
            """;
        return ((PduParseResult.Parsed)PduParser.Parse(Encoding.UTF8.GetBytes(json), rules)).Pdu;
    }

    private static JsonElement Written(Pdu pdu, ClientEventFormat format)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
            ClientEventWriter.Write(json, pdu, format, writeUnsignedMembers: null);
        return JsonDocument.Parse(
            buffer.WrittenMemory, new JsonDocumentOptions { AllowDuplicateProperties = false }).RootElement;
    }
}
