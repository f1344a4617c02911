using System.Globalization;
using System.Text;
using Matrix.EventSourced.Api.Http;

namespace Matrix.EventSourced.Api.Tests.Hostile;

/// <summary>Makes requests that are wrong in one to a few places, endpoint after endpoint, from one seed.</summary>
internal sealed class HostileRequests(HostileServer world, Random random)
{
    private static readonly string[] Methods = ["GET", "PUT", "POST", "DELETE", "PATCH", "HEAD", "OPTIONS", "BREW"];

    private static readonly IReadOnlyList<EndpointSpec> Endpoints =
        [.. Composition.ClientEndpoints().Entries.Select(entry => entry.Spec)];

    private readonly HostileBodies _bodies = new(world, random);
    private int _count;

    public RawRequest Next()
    {
        var spec = Endpoints[_count++ % Endpoints.Count];
        var method = random.Next(12) == 0 ? Methods[random.Next(Methods.Length)] : spec.Method;
        var target = TargetOf(spec) + QueryOf();
        var hasBody = spec.Method is "PUT" or "POST" ? random.Next(15) > 0 : random.Next(15) == 0;
        return new RawRequest(method, target, Authorization(), hasBody ? _bodies.Next(spec) : null);
    }

    private string? Authorization() => random.Next(25) switch
    {
        0 => null,
        1 => "Bearer",
        2 => "Bearer " + new string('x', random.Next(1, 4000)),
        3 => "Basic YWxpY2U6c2VjcmV0",
        4 => "Bearer " + world.Alice.Token[..^1] + (world.Alice.Token[^1] == 'A' ? 'B' : 'A'),
        5 => "Bearer \u00ff\u00fe",
        _ => "Bearer " + world.Mallory.Token,
    };

    private string TargetOf(EndpointSpec spec)
    {
        var path = spec.Path;
        if (random.Next(40) == 0)
            path = path.Replace("/v3/", random.Next(2) == 0 ? "/r0/" : "/v9/", StringComparison.Ordinal);
        var target = string.Join('/', path.Split('/').Select(segment =>
            segment.StartsWith('{') ? Value(segment.Trim('{', '}', '?')) : segment));
        return random.Next(60) == 0 ? target + "/" : target;
    }

    /// <summary>A path segment, encoded: mostly one that leads somewhere, so that what follows is looked at too.</summary>
    private string Value(string name)
    {
        if (random.Next(4) == 0)
            return HostileSegment();
        return Uri.EscapeDataString(name switch
        {
            "roomId" => Room(),
            "roomIdOrAlias" => random.Next(3) == 0 ? "#commons:hs" : Room(),
            "roomAlias" => Pick("#commons:hs", "#none:hs", "#new" + random.Next(50) + ":hs", "#far:elsewhere.test", "commons"),
            "eventId" => Pick(world.LairEvent, world.LairEvent, world.PrivateEvent, "$none", "$" + new string('A', 43), "$legacy:hs"),
            "userId" => User(),
            "eventType" or "type" => EventType(),
            "stateKey" => Pick("", User(), "key", new string('k', 255), new string('k', 256)),
            "deviceId" => Pick(world.Mallory.DeviceId, world.Alice.DeviceId, "NONE"),
            "keyName" => Pick("displayname", "avatar_url", "m.tz", "org.example.field", new string('k', 256)),
            "filterId" => Pick("0", "1", "-1", "99999999999999999999", "x"),
            _ => "t" + random.Next(100).ToString(CultureInfo.InvariantCulture),
        });
    }

    private string Room() => Pick(
        world.PrivateRoom, world.Commons, world.Commons, world.Lair, world.Lair, "!none:hs",
        "!" + new string('A', 43), "!far:elsewhere.test", "!", "room", "!" + new string('r', 251) + ":hs");

    private string User() => Pick(
        world.Mallory.UserId, world.Mallory.UserId, world.Alice.UserId, "@none:hs", "@far:elsewhere.test", "@", "mallory",
        "@:hs", "@" + new string('u', 252) + ":hs", "@" + new string('u', 253) + ":hs");

    private string EventType() => Pick(
        "m.room.message", "m.room.member", "m.room.create", "m.room.power_levels", "m.room.redaction",
        "m.room.join_rules", "m.room.canonical_alias", "m.room.history_visibility", "m.room.name", "m.room.tombstone",
        "m.room.server_acl", "m.room.third_party_invite", "m.room.encryption", "m.fully_read", "m.push_rules",
        "org.example.any", new string('t', 255), new string('t', 256));

    private string HostileSegment()
    {
        switch (random.Next(14))
        {
            case 0: return "%";
            case 1: return "%4";
            case 2: return "%zz";
            case 3: return "%00";
            case 4: return "a%00b";
            case 5: return "%ff%fe";
            case 6: return "%ed%a0%80";
            case 7: return "%c0%af";
            case 8: return "..%2f..%2fetc";
            case 9: return "";
            case 10: return Uri.EscapeDataString("🫖\u202e\n\t'\";--");
            case 11: return new string('x', random.Next(200, 3000));
            case 12: return "%24{jndi}";
            default:
                var text = new StringBuilder();
                for (var i = random.Next(1, 30); i > 0; i--)
                    text.Append(CultureInfo.InvariantCulture, $"%{random.Next(256):x2}");
                return text.ToString();
        }
    }

    private string QueryOf()
    {
        if (random.Next(3) > 0)
            return string.Empty;
        var parameters = new List<string>();
        for (var i = random.Next(1, 4); i > 0; i--)
        {
            parameters.Add(random.Next(20) switch
            {
                0 => "limit=" + Number(),
                1 => "since=" + Position(),
                2 => "from=" + Position(),
                3 => "to=" + Position(),
                4 => "dir=" + Pick("f", "b", "x", ""),
                5 => "timeout=" + Pick("0", "-1", "x", "1.5", "1e3", ""),
                6 => "filter=" + Uri.EscapeDataString(Encoding.Latin1.GetString(_bodies.Filter())),
                7 => "filter=" + Number(),
                8 => "at=" + Position(),
                9 => "membership=" + Pick("join", "x", ""),
                10 => "not_membership=" + Pick("leave", "x"),
                11 => "kind=" + Pick("guest", "user", "x"),
                12 => "server=" + Pick("hs", "elsewhere.test", "%zz"),
                13 => "user_id=" + Uri.EscapeDataString(User()),
                14 => "full_state=" + Pick("true", "false", "x", "1"),
                15 => "access_token=" + Pick("x", "", "%00"),
                16 => "format=" + Pick("event", "content", "x"),
                17 => "username=" + HostileSegment(),
                18 => HostileSegment() + "=" + HostileSegment(),
                _ => "set_presence=" + Pick("offline", "x"),
            });
        }
        return "?" + string.Join('&', parameters);
    }

    private string Number() => Pick(
        "0", "-1", "1", "10", "9223372036854775807", "9223372036854775808", "-9223372036854775808", "1e400", "NaN", "1.5",
        "%d9%a3", "0x10", "%201", "");

    private string Position() => Pick(
        "s0", "s1", "s-1", "s", "s9223372036854775807", "s9223372036854775808", "s1_2", "t1", "p1", "p-1", "x", "",
        "s%00", "s1%20", "1", "s+1", "s2147483648");

    private string Pick(params string[] values) => values[random.Next(values.Length)];
}
