using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Matrix.EventSourced.Api.Http;

namespace Matrix.EventSourced.Api.Tests.Hostile;

/// <summary>Bodies that are almost what an endpoint expects.</summary>
internal sealed class HostileBodies(HostileServer world, Random random)
{
    private const string Filters =
        """
        {"event_fields":["content.body","type"],"event_format":"client","presence":{"limit":1},
         "account_data":{"types":["m.*"],"not_types":["x"]},"room":{"rooms":["!a:hs"],"not_rooms":[],"include_leave":true,
         "timeline":{"limit":5,"types":["m.room.*"],"senders":["@alice:hs"],"contains_url":true,"lazy_load_members":true},
         "state":{"lazy_load_members":true,"include_redundant_members":false},"ephemeral":{},"account_data":{}}}
        """;

    /// <summary>Values of every kind; what JSON itself does not know comes with the damage to the text.</summary>
    private static readonly string[] Values =
    [
        "null", "true", "false", "0", "-1", "1.5", "1e3", "-0.0", "1E400", "9007199254740991", "9007199254740992",
        "-9007199254740992", "123456789012345678901234567890", "\"\"", "\"text\"", "\"10\"", "\"@alice:hs\"", "\"!none:hs\"",
        "\"\\u0000\"", "\"\\ud800\"", "\"\\udc00\\ud800\"", "\"🫖\"", "[]", "{}", "[null]", "[[]]", "[{}]", "{\"\":{}}",
        "{\"a\":{\"b\":[1,\"2\",null]}}",
    ];

    public byte[] Filter() => Damage(Mutated(Filters), 1_048_576, chance: 8);

    public byte[] Next(EndpointSpec spec) => Damage(Mutated(Template(spec)), spec.BodyBytesMax, chance: 3);

    private string Template(EndpointSpec spec)
    {
        var lair = world.Lair;
        var target = Pick(world.Bob.UserId, world.Mallory.UserId, "@none:hs", "@far:elsewhere.test", "nobody",
            "@" + new string('u', 252) + ":hs");
        var number = random.Next(1000).ToString(CultureInfo.InvariantCulture);
        return spec.Path switch
        {
            "/_matrix/client/v3/createRoom" =>
                $$"""
                {"visibility":"private","room_alias_name":"r{{number}}","name":"n","topic":"t","invite":["{{target}}"],
                 "invite_3pid":[],"room_version":"{{Pick("1", "6", "11", "12", "99")}}",
                 "creation_content":{"m.federate":true,"type":"m.space"},
                 "initial_state":[{"type":"{{Pick("m.room.name", "m.room.member", "m.room.create", "m.room.power_levels")}}",
                   "state_key":"","content":{"name":"x","users":{"{{target}}":100} } }],
                 "preset":"public_chat","is_direct":true,
                 "power_level_content_override":{"users":{"{{target}}":50},"events":{"m.room.name":{{number}} },"ban":50} }
                """,
            "/_matrix/client/v3/register" =>
                $$"""
                {"username":"u{{number}}","password":"p","device_id":"D","initial_device_display_name":"d",
                 "inhibit_login":false,"refresh_token":true,"auth":{"type":"m.login.dummy","session":"s"} }
                """,
            "/_matrix/client/v3/login" =>
                """
                {"type":"m.login.password","identifier":{"type":"m.id.user","user":"mallory"},"password":"wrong",
                 "device_id":"D","initial_device_display_name":"d","refresh_token":false,"token":"t"}
                """,
            "/_matrix/client/v3/account/password" =>
                """
                {"new_password":"other","logout_devices":false,"auth":{"type":"m.login.password",
                 "identifier":{"type":"m.id.user","user":"mallory"},"password":"wrong","session":"x"} }
                """,
            "/_matrix/client/v3/account/deactivate" or "/_matrix/client/v3/devices/{deviceId}"
                or "/_matrix/client/v3/delete_devices" =>
                """
                {"devices":["D","E"],"erase":false,"display_name":"d","auth":{"type":"m.login.password",
                 "identifier":{"type":"m.id.user","user":"mallory"},"password":"wrong","session":"x"} }
                """,
            "/_matrix/client/v3/user/{userId}/filter" => Filters,
            "/_matrix/client/v3/publicRooms" =>
                """
                {"limit":10,"since":"p0","filter":{"generic_search_term":"x","room_types":["m.space",null]},
                 "include_all_networks":false,"third_party_instance_id":"x"}
                """,
            "/_matrix/client/v3/directory/room/{roomAlias}" =>
                $$"""{"room_id":"{{Pick(lair, world.PrivateRoom, "!none:hs")}}"}""",
            "/_matrix/client/v3/directory/list/room/{roomId}" => """{"visibility":"public"}""",
            "/_synapse/admin/v1/register" =>
                """{"nonce":"x","username":"admin","password":"p","admin":true,"mac":"00","displayname":"d","user_type":null}""",
            "/_matrix/client/v3/profile/{userId}/{keyName}" =>
                """{"displayname":"Mallory","avatar_url":"mxc://hs/abc","m.tz":"Europe/Vienna","org.example.field":{"a":1} }""",
            _ => $$"""
                {"user_id":"{{target}}","reason":"why","msgtype":"m.text","body":"b",
                 "membership":"{{Pick("join", "leave", "invite", "ban", "knock", "x")}}",
                 "displayname":"d",
                 "third_party_signed":{"sender":"@a:hs","mxid":"@b:hs","token":"t","signatures":{"hs":{"ed25519:1":"AAAA"} } },
                 "redacts":"{{Pick(world.LairEvent, world.PrivateEvent, "$none", "x")}}","alias":"#none:hs",
                 "alt_aliases":["#commons:hs"],"name":"n",
                 "history_visibility":"shared","join_rule":"restricted",
                 "allow":[{"type":"m.room_membership","room_id":"{{lair}}"}],
                 "users":{"{{target}}":100,"bad":"1"},"events":{"m.room.name":50},
                 "notifications":{"room":50},"ban":50,"kick":"50","users_default":0,
                 "m.relates_to":{"rel_type":"m.annotation","event_id":"{{world.PrivateEvent}}","key":"k"},
                 "m.federate":false,"room_version":"12",
                 "replacement_room":"!none:hs","public_key":"AAAA","predecessor":{"room_id":"!none:hs","event_id":"$none"} }
                """,
        };
    }

    /// <summary>Changes some members: another value, gone, or new.</summary>
    private string Mutated(string template)
    {
        var root = JsonNode.Parse(template)!.AsObject();
        for (var i = random.Next(0, 4); i > 0; i--)
        {
            var holders = new List<JsonObject> { root };
            Collect(root, holders);
            var holder = holders[random.Next(holders.Count)];
            var names = holder.Select(member => member.Key).ToList();
            var name = names.Count == 0 || random.Next(10) == 0
                ? Pick("extra", "", "a.b", "🫖", "__proto__", "auth")
                : names[random.Next(names.Count)];
            if (random.Next(6) == 0)
                holder.Remove(name);
            else
                holder[name] = $"\u0001{random.Next(Values.Length)}\u0001";
        }
        // Placeholders become their values in the text: not all of them are ones that a tree can hold.
        var text = root.ToJsonString();
        for (var i = 0; i < Values.Length; i++)
            text = text.Replace($"\"\\u0001{i}\\u0001\"", Values[i], StringComparison.Ordinal);
        return text;
    }

    private static void Collect(JsonNode? node, List<JsonObject> holders)
    {
        var children = node switch
        {
            JsonObject known => known.Select(member => member.Value),
            JsonArray array => array,
            _ => [],
        };
        foreach (var child in children)
        {
            if (child is JsonObject found)
                holders.Add(found);
            Collect(child, holders);
        }
    }

    /// <summary>Hurts the text itself, in one of <paramref name="chance"/> bodies.</summary>
    private byte[] Damage(string json, int bytesMax, int chance)
    {
        var bytes = Encoding.UTF8.GetBytes(json);
        if (random.Next(chance) > 0)
            return bytes;
        switch (random.Next(19))
        {
            case 0: return bytes[..random.Next(bytes.Length)];
            case 1: return [];
            case 2: return "[]"u8.ToArray();
            case 3: return Encoding.UTF8.GetBytes(Values[random.Next(Values.Length)]);
            case 4: bytes[random.Next(bytes.Length)] = (byte)random.Next(256); return bytes;
            case 5: return [.. bytes, (byte)random.Next(256)];
            case 6: return [0xEF, 0xBB, 0xBF, .. bytes];
            case 7: return Encoding.Unicode.GetBytes(json);
            case 8: return With("\"x\":1,\"x\":2");
            case 9: return With("\"x\":\"\\ud800\"");
            case 10: return [.. "{\"x\":\""u8, 0xC3, 0x28, 0xFF, .. "\"}"u8];
            case 11: return With("\"x\":\"\\u0000\"");
            case 12: return With("\"x\":" + Nested(random.Next(90, 20_000)));
            case 13: return With("\"x\":1e400");
            case 14: return With("\"x\":" + new string('9', random.Next(15, 2000)));
            case 15: return With("\"x\":1.5");
            case 16: return With($"\"x\":\"{new string('x', 65_536)}\"");
            case 17: return random.Next(6) > 0 ? With("\"x\":NaN") : With($"\"x\":\"{new string('x', bytesMax)}\"");
            default:
                var noise = new byte[random.Next(1, 200)];
                random.NextBytes(noise);
                return noise;
        }

        byte[] With(string member) =>
            Encoding.UTF8.GetBytes(json.Length > 2 ? $"{{{member},{json[1..]}" : $"{{{member}}}");
    }

    private static string Nested(int depth) => new string('[', depth) + new string(']', depth);

    private string Pick(params string[] values) => values[random.Next(values.Length)];
}
