using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Matrix.EventSourced.Api.Http;

namespace Matrix.EventSourced.Api.Tests.Hosting;

/// <summary>
/// A request that somebody might send by mistake or on purpose. Shape: Target is raw, as it goes over the wire.
/// </summary>
internal sealed record BadRequest(string Method, string Target, byte[]? Body);

/// <summary>
/// Makes requests to known endpoints with parameters, queries and bodies that are wrong in one of many ways.
/// </summary>
internal sealed partial class BadRequestGenerator(
    IReadOnlyList<EndpointSpec> endpoints, string[] roomIds, Random random)
{
    private static readonly string[] Segments =
    [
        "", "%20", "%2F", "..%2F..", "%ff", "%C3%28", "%zz", "%", "%0", "%E2%80%AE", "%F0%9F%98%80", "%5C", "'%22;--",
            "null",
        "-1", "0", "99999999999999999999", "m.room.member", "m.room.create", "m.room.message", "m.room.power_levels",
        "@mallory:hs", "@alice:hs", "@:hs", "@x:", "@x:%20", "!nowhere:hs", "!nowhere", "!", "$nothing", "$", "#x:hs",
            "#x", "#:",
        "displayname", "avatar_url", "m.direct", "m.push_rules", "m.fully_read", "state_default", "x:y:z",
    ];

    private static readonly string[] Values =
    [
        "null", "true", "-1", "0", "1e400", "1E2", "1.5", "-0", "9007199254740993", "123456789012345678901234567890",
            "[]", "{}",
        "[[]]", "[null]", "[\"@alice:hs\"]", "[{}]", "{\"a\":{}}", "\"\"", "\" \"", "\"\\u0000\"", "\"\\ud800\"",
            "\"\\u202e\"",
        "\"@alice:hs\"", "\"@x\"", "\"!nowhere:hs\"", "\"public_chat\"", "\"12\"", "\"1\"", "\"99\"",
            "\"m.room.message\"", "\"join\"",
        "\"ban\"", "\"leave\"", "\"m.login.password\"", "\"m.login.dummy\"", "{\"type\":\"m.login.dummy\"}",
        "{\"type\":\"m.id.user\",\"user\":\"alice\"}", "[{\"type\":\"m.room.topic\",\"content\":{\"topic\":1}}]",
        "[{\"type\":\"m.room.create\",\"state_key\":\"\",\"content\":{}}]", "{\"users\":{\"@alice:hs\":\"100\"}}",
        "{\"users\":{\"nobody\":100}}", "{\"not_types\":[1]}", "{\"limit\":-5}",
    ];

    private static readonly string[] Names =
    [
        "type", "identifier", "user", "password", "username", "device_id", "auth", "session", "reason", "user_id",
            "membership",
        "displayname", "avatar_url", "name", "topic", "preset", "visibility", "invite", "initial_state", "room_version",
        "creation_content", "power_level_content_override", "room_alias_name", "is_direct", "msgtype", "body",
            "room_id",
        "limit", "since", "filter", "event_fields", "event_format", "room", "timeline", "devices", "display_name",
            "logout_devices",
        "new_password", "nonce", "mac", "admin", "users", "users_default", "events", "m.relates_to",
            "third_party_signed", "invite_3pid",
    ];

    private static readonly string[] Queries =
    [
        "dir=b", "dir=x", "dir", "limit=0", "limit=-1", "limit=99999999999", "limit=a", "from=s1", "from=t1", "from=x",
            "from=s99999",
        "to=s0", "filter=%7B", "filter=%7B%22room%22:1%7D", "filter=0", "filter=../x", "since=s1", "since=x",
            "since=s-1",
        "since=s99999999999999999999", "full_state=2", "set_presence=x", "at=s1", "membership=x",
            "not_membership=join", "kind=guest",
        "kind=x", "username=%00", "username=A%20b", "user_id=@x:hs", "ts=x", "access_token=", "=", "&&", "%zz=1",
            "server=x", "via=",
    ];

    public BadRequest Next()
    {
        var spec = endpoints[random.Next(endpoints.Count)];
        var method = random.Next(40) == 0 ? Pick(["GET", "PUT", "POST", "DELETE", "PATCH", "X"]) : spec.Method;
        var path = Parameter().Replace(spec.Path, match =>
            match.Value is "{roomId}" or "{roomIdOrAlias}" && random.Next(3) > 0
            ? Uri.EscapeDataString(Pick(roomIds))
            : random.Next(60) == 0 ? new string('a', 256) : Pick(Segments));
        var target = path + Query(spec);
        return new BadRequest(method, target, method is "PUT" or "POST" ? Body() : null);
    }

    // Only what waits is kept from waiting.
    private string Query(EndpointSpec spec)
    {
        var text = new StringBuilder(spec.Path.EndsWith("/sync", StringComparison.Ordinal) ? "?timeout=0" : "?");
        for (var i = random.Next(3); i > 0; i--)
            text.Append('&').Append(Pick(Queries));
        return text.ToString();
    }

    private byte[] Body()
    {
        switch (random.Next(20))
        {
            case 0:
                return [];
            case 1:
                return Encoding.UTF8.GetBytes(
                    Pick(["{", "nope", "[]", "\"x\"", "null", "{}x", "{\"a\":1,\"a\":2}", "{'a':1}", "\u0000"]));
            case 2:
                return [.. "{\"body\":\""u8, 0xC3, 0x28, .. "\"}"u8];
            case 3:
                var depth = random.Next(90, 5000);
                return Encoding.UTF8.GetBytes($"{{\"a\":{new string('[', depth)}{new string(']', depth)}}}");
            case 4:
                var length = random.Next(60_000, 70_000);
                return Encoding.UTF8.GetBytes($"{{\"msgtype\":\"m.text\",\"body\":\"{new string('x', length)}\"}}");
            default:
                return Encoding.UTF8.GetBytes(Object());
        }
    }

    private string Object()
    {
        var members = new Dictionary<string, string>();
        for (var i = random.Next(1, 5); i > 0; i--)
            members[Pick(Names)] = random.Next(8) == 0 ? Number() : Pick(Values);
        return "{" + string.Join(',', members.Select(member => $"\"{member.Key}\":{member.Value}")) + "}";
    }

    private string Number() =>
        random.NextInt64().ToString(CultureInfo.InvariantCulture) + new string('0', random.Next(40));

    private string Pick(string[] choices) => choices[random.Next(choices.Length)];

    [GeneratedRegex(@"\{[A-Za-z]+\??\}")]
    private static partial Regex Parameter();
}
