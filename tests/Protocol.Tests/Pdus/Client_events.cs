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

    private static JsonElement Written(Pdu pdu, ClientEventFormat format)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
            ClientEventWriter.Write(json, pdu, format, writeUnsignedMembers: null);
        return JsonDocument.Parse(
            buffer.WrittenMemory, new JsonDocumentOptions { AllowDuplicateProperties = false }).RootElement;
    }
}
