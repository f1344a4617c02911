using System.Text;
using System.Text.Json;
using Matrix.EventSourced.Federation.Transport;
using Matrix.EventSourced.Kit.Hosting;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.RoomVersions;
using Matrix.EventSourced.Protocol.Signing;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.EventSourced.Api.Tests.Federation;

/// <summary>The state with which another server answers a knock.</summary>
public sealed class What_knockers_are_shown : TwoServers
{
    [Theory]
    [InlineData("11", """["m.room.avatar","m.room.name"]""")]
    [InlineData("12", """["m.room.name"]""")]
    public async Task entries_that_nobody_signed_are_left_out(string version, string shown)
    {
        var room = await Alice.CreateRoomAsync(
            $$"""
            {"preset":"private_chat","room_version":"{{version}}","initial_state":[
                {"type":"m.room.join_rules","state_key":"","content":{"join_rule":"knock"} }]}
            """);
        var name = Build(version, room, "m.room.name", """{"name":"Door"}""");
        // A signature of something else.
        var topic = Text(Build(version, room, "m.room.topic", """{"topic":"Trap"}""")).Replace(
            SignatureOf(Build(version, room, "m.room.topic", """{"topic":"Trap"}""")),
            SignatureOf(name),
            StringComparison.Ordinal);
        var state = $$"""
            [{{Text(name)}},{{topic}},
            {"type":"m.room.avatar","state_key":"","sender":"{{Alice.UserId}}","content":{"url":"mxc://a/b"} }]
            """;
        FromSecond.Answer = (request, _) => Task.FromResult<FederationAnswer?>(
            request.Uri.Contains("/send_knock/", StringComparison.Ordinal)
                ? new FederationAnswer.Answered(200, Encoding.UTF8.GetBytes($$"""{"knock_room_state":{{state}} }"""))
                : null);
        (await Bob.PostAsync($"/_matrix/client/v3/knock/{Escaped(room)}?via={ServerOf(Alice)}")).Ok();
        var types = SharedRooms.Events(await Bob.SyncAsync(), "knock", room, "knock_state")
            .Select(entry => entry.Text("type")).Where(type => type != "m.room.member").Order();

        Assert.Equal(JsonElement.Parse(shown).EnumerateArray().Select(type => type.GetString()), types);
    }

    private static string Text(Pdu pdu) => Encoding.UTF8.GetString(pdu.Json.Span);

    private static string SignatureOf(Pdu pdu) => JsonElement.Parse(pdu.Json.Span).GetProperty("signatures")
        .EnumerateObject().Single().Value.EnumerateObject().Single().Value.GetString()!;

    private Pdu Build(string version, string room, string type, string content) => ((PduBuildResult.Built)PduBuilder.Build(
        new PduDraft(
            RoomId.Parse(room),
            type,
            string.Empty,
            UserId.Parse(Alice.UserId),
            JsonElement.Parse(Encoding.UTF8.GetBytes(content)),
            1,
            1,
            [],
            []),
        RoomVersionRules.Find(version)!,
        First.Services.GetRequiredService<ServerIdentity>())).Pdu;
}
