using System.Text;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.FederationSimulation.Tests;

/// <content>What it sends beside PDUs: EDUs for users of others and for its own, in rooms that it is in and others.</content>
internal sealed partial class ByzantineServer
{
    private int _messageIds;

    public int Edus { get; private set; }

    public Task ActByEdusAsync(IReadOnlyList<SharedRoom> rooms, IReadOnlyList<ServerName> servers, IReadOnlyList<UserId> users)
    {
        if (rooms.Count == 0)
            return Task.CompletedTask;
        var edus = new List<string>();
        for (var i = 1 + _world.Random.Next(6); i > 0; i--)
            edus.Add(MakeEdu(rooms, users));
        Edus += edus.Count;
        if (_world.Chance(10))
            edus = [.. Enumerable.Repeat(edus[0], 101)];
        var content = Utf8($$"""{"origin":"{{Name}}","origin_server_ts":1,"edus":[{{string.Join(',', edus)}}],"pdus":[]}""");
        return Task.WhenAll(servers.Where(_ => _world.Chance(60)).Select(server => SendAsync(server, content)).ToList());
    }

    private string MakeEdu(IReadOnlyList<SharedRoom> rooms, IReadOnlyList<UserId> users)
    {
        var room = _world.Chance(80) ? _world.Draw(rooms).RoomId.Value : "!nowhere:evil.test";
        var user = _world.Chance(50) ? _world.Draw(_users) : _world.Draw(users);
        var target = _world.Draw(users);
        var eventId = _world.Draw(_world.Draw(rooms).Oracle.All).Pdu.EventId;
        var (type, content) = _world.Draw<(string, string)>([
            ("m.typing", $$"""{"room_id":"{{room}}","user_id":"{{user}}","typing":true}"""),
            ("m.typing", $$"""{"room_id":"{{room}}","user_id":"{{user}}","typing":"yes"}"""),
            ("m.typing", """{"room_id":7,"user_id":[],"typing":true}"""),
            ("m.receipt", Receipt(room, user, $$"""["{{eventId}}"]""", _world.Draw(["1", "9223372036854775807", "-5", "\"x\""]))),
            ("m.receipt", Receipt(room, user, $$"""["{{eventId}}",7,"$x","{{eventId}}"]""", "5")),
            ("m.receipt", Receipt(room, user, "{}", "5")),
            ("m.receipt", $$"""{"{{room}}":{"m.read.private":{"{{user}}":{"event_ids":["{{eventId}}"],"data":{"ts":1} } } } }"""),
            ("m.receipt", $$"""{"{{room}}":7,"not a room":{"m.read":{"{{user}}":[]} } }"""),
            ("m.presence", Presence(user, _world.Draw(["online", "unavailable", "offline", "busy"]), _world.Draw(["0", "-1", "9223372036854775807"]))),
            ("m.presence", Presence(user, "online", "\"x\"", new string('s', 2_000))),
            ("m.presence", """{"push":[7,null,{"user_id":7},{"user_id":"@eve:evil.test","presence":7}]}"""),
            ("m.presence", $$"""{"push":[{{string.Join(',', Enumerable.Range(0, 30).Select(i =>
                $$"""{"user_id":"@u{{i}}:evil.test","presence":"online"}"""))}}]}"""),
            ("m.direct_to_device", ToDevice(user, target, "DEVICE", $$"""{"evil":{{_messageIds}} }""")),
            ("m.direct_to_device", ToDevice(user, target, "*", $$"""{"big":"{{new string('b', 70_000)}}"}""")),
            ("m.direct_to_device", ToDevice(user, target, new string('d', 300), "{}")),
            ("m.direct_to_device", ToDevice(user, target, "*", "7")),
            ("m.direct_to_device", ToDevice(user, target, "", "{}")),
            ("m.direct_to_device", Many(user, target, 20, 60_000)),
            ("m.direct_to_device", Many(user, target, 6_000, 1)),
            ("m.device_list_update", $$"""{"user_id":"{{user}}","device_id":"D","stream_id":-1,"prev_id":["x"]}"""),
            ("m.signing_key_update", $$"""{"user_id":"{{user}}","master_key":{"keys":7} }"""),
            ("m.unheard_of", "{}"),
        ]);
        return _world.Chance(5)
            ? $$"""{"edu_type":7,"content":{{content}} }"""
            : $$"""{"edu_type":"{{type}}","content":{{content}} }""";
    }

    private static string Receipt(string room, UserId user, string eventIds, string ts) =>
        $$"""{"{{room}}":{"m.read":{"{{user}}":{"event_ids":{{eventIds}},"data":{"ts":{{ts}} } } } } }""";

    private static string Presence(UserId user, string state, string ago, string status = "s") =>
        $$"""{"push":[{"user_id":"{{user}}","presence":"{{state}}","last_active_ago":{{ago}},"status_msg":"{{status}}"}]}""";

    private string ToDevice(UserId sender, UserId recipient, string device, string content) =>
        $$"""
        {"sender":"{{sender}}","type":"m.evil","message_id":"m{{(_world.Chance(20) ? 1 : ++_messageIds)}}",
        "messages":{"{{recipient}}":{"{{device}}":{{content}} },"@nobody:{{recipient.Server}}":{"*":{} } } }
        """;

    private string Many(UserId sender, UserId recipient, int messages, int bytes)
    {
        var list = new StringBuilder();
        for (var i = 0; i < messages; i++)
        {
            list.Append(i == 0 ? "" : ",");
            list.Append($$"""{{'"'}}{{i.ToString("d240", System.Globalization.CultureInfo.InvariantCulture)}}":{"x":"{{new string('x', bytes)}}"}""");
        }
        return $$"""{"sender":"{{sender}}","type":"m.evil","message_id":"n{{++_messageIds}}","messages":{"{{recipient}}":{ {{list}} } } }""";
    }
}
