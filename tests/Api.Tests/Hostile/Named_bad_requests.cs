using System.Text;
using Matrix.EventSourced.Kit.Hosting;

namespace Matrix.EventSourced.Api.Tests.Hostile;

/// <summary>Bad requests whose answer the spec names: exactly this status and this errcode.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #common-error-codes, #size-limits, #using-access-tokens, #api-standards; room versions for
/// numbers. Names in braces stand for rooms and users of the world.
/// </remarks>
public sealed class Named_bad_requests(HostileServer world) : IClassFixture<HostileServer>
{
    private const string V3 = "/_matrix/client/v3/";
    private const string Message = V3 + "rooms/{lair}/send/m.room.message/";

    [Theory]
    [InlineData("GET", V3 + "account/whoami", null, null, 401, "M_MISSING_TOKEN")]
    [InlineData("GET", V3 + "account/whoami", "Basic x", null, 401, "M_MISSING_TOKEN")]
    [InlineData("GET", V3 + "account/whoami", "Bearer nope", null, 401, "M_UNKNOWN_TOKEN")]
    [InlineData("GET", V3 + "account/whoami?access_token=nope", null, null, 401, "M_UNKNOWN_TOKEN")]
    [InlineData("PUT", Message + "n1", null, "{}", 401, "M_MISSING_TOKEN")]
    [InlineData("GET", V3 + "no/such/path", "mallory", null, 404, "M_UNRECOGNIZED")]
    [InlineData("GET", "/_matrix/client/v99/sync", "mallory", null, 404, "M_UNRECOGNIZED")]
    [InlineData("GET", "/", "mallory", "x", 200, null)]
    [InlineData("PATCH", V3 + "sync", "mallory", null, 405, "M_UNRECOGNIZED")]
    [InlineData("POST", V3 + "sync", "mallory", "{}", 405, "M_UNRECOGNIZED")]
    [InlineData("DELETE", V3 + "createRoom", "mallory", null, 405, "M_UNRECOGNIZED")]
    [InlineData("GET", V3 + "rooms/%zz/state", "mallory", null, 400, "M_INVALID_PARAM")]
    [InlineData("GET", V3 + "rooms/%ff/state", "mallory", null, 400, "M_INVALID_PARAM")]
    [InlineData("GET", V3 + "account/whoami", "Bearer \u00ff", null, 401, "M_UNKNOWN_TOKEN")]
    [InlineData("GET", V3 + "sync?filter=%00", "mallory", null, 400, "M_INVALID_PARAM")]
    public Task of_the_transport(string method, string target, string? token, string? body, int status, string? code) =>
        ExpectAsync(method, target, token, body, status, code);

    [Theory]
    [InlineData("", "M_NOT_JSON")]
    [InlineData("nope", "M_NOT_JSON")]
    [InlineData("{\"a\":1", "M_NOT_JSON")]
    [InlineData("{\"a\":01}", "M_NOT_JSON")]
    [InlineData("{\"a\":NaN}", "M_NOT_JSON")]
    [InlineData("{\"a\":\"\\xff\"}", "M_NOT_JSON")]
    [InlineData("[]", "M_BAD_JSON")]
    [InlineData("\"text\"", "M_BAD_JSON")]
    [InlineData("{\"a\":1,\"a\":1}", "M_BAD_JSON")]
    [InlineData("{\"a\":\"\\ud800\"}", "M_BAD_JSON")]
    [InlineData("{\"a\":1.5}", "M_BAD_JSON")]
    [InlineData("{\"a\":1e2}", "M_BAD_JSON")]
    [InlineData("{\"a\":9007199254740992}", "M_BAD_JSON")]
    [InlineData("{\"a\":-9007199254740992}", "M_BAD_JSON")]
    [InlineData("{\"a\":{\"b\":[1e400]}}", "M_BAD_JSON")]
    public async Task of_an_event_s_content(string content, string code)
    {
        await ExpectAsync("PUT", Message + "c1", "mallory", content, 400, code);
        await ExpectAsync("PUT", V3 + "rooms/{lair}/state/org.example.any/", "mallory", content, 400, code);
    }

    [Fact]
    public async Task of_bytes_that_are_no_utf8() =>
        await ExpectAsync("PUT", Message + "u1", "mallory", [.. "{\"a\":\""u8, 0xC3, 0x28, .. "\"}"u8], 400, "M_NOT_JSON");

    [Theory]
    [InlineData(100_000)]
    [InlineData(101)]
    public Task of_deep_nesting(int depth) => ExpectAsync(
        "PUT", Message + "d1", "mallory", $"{{\"a\":{new string('[', depth)}{new string(']', depth)}}}", 400, "M_BAD_JSON");

    [Fact]
    public async Task of_size()
    {
        await ExpectAsync("PUT", Message + "s1", "mallory", Sized(65_537), 413, "M_TOO_LARGE");
        await ExpectAsync("PUT", Message + "s2", "mallory", Sized(1_048_577), 413, "M_TOO_LARGE");
        await ExpectAsync("PUT", Message + "s3", "mallory", Sized(60_000), 200, null);
        var type = new string('t', 256);
        await ExpectAsync("PUT", V3 + $"rooms/{{lair}}/send/{type}/s4", "mallory", "{}", 413, "M_TOO_LARGE");
        await ExpectAsync("PUT", V3 + $"rooms/{{lair}}/state/any/{type}", "mallory", "{}", 413, "M_TOO_LARGE");
        await ExpectAsync("PUT", V3 + $"rooms/{{lair}}/state/any/{type[1..]}", "mallory", "{}", 200, null);

        static string Sized(int bytes) => $"{{\"body\":\"{new string('x', bytes - 30)}\",\"msgtype\":\"m.text\"}}";
    }

    [Theory]
    [InlineData("GET", "rooms/{private}/state", null, 403, "M_FORBIDDEN")]
    [InlineData("GET", "rooms/{private}/messages?dir=b", null, 403, "M_FORBIDDEN")]
    [InlineData("GET", "rooms/{private}/members", null, 403, "M_FORBIDDEN")]
    [InlineData("GET", "rooms/{private}/joined_members", null, 403, "M_FORBIDDEN")]
    [InlineData("GET", "rooms/{private}/event/{event}", null, 404, "M_NOT_FOUND")]
    [InlineData("GET", "rooms/{private}/state/m.room.name", null, 403, "M_FORBIDDEN")]
    [InlineData("PUT", "rooms/{private}/send/m.room.message/o1", "{}", 403, "M_FORBIDDEN")]
    [InlineData("PUT", "rooms/{private}/state/m.room.name", "{\"name\":\"x\"}", 403, "M_FORBIDDEN")]
    [InlineData("PUT", "rooms/{private}/redact/{event}/o2", "{}", 403, "M_FORBIDDEN")]
    [InlineData("POST", "rooms/{private}/join", "{}", 403, "M_FORBIDDEN")]
    [InlineData("POST", "rooms/{private}/invite", "{\"user_id\":\"@mallory:hs\"}", 403, "M_FORBIDDEN")]
    [InlineData("POST", "rooms/{private}/kick", "{\"user_id\":\"@bob:hs\"}", 403, "M_FORBIDDEN")]
    [InlineData("POST", "rooms/{private}/leave", "{}", 403, "M_FORBIDDEN")]
    [InlineData("PUT", "directory/list/room/{private}", "{\"visibility\":\"public\"}", 403, "M_FORBIDDEN")]
    [InlineData("DELETE", "directory/room/%23commons:hs", null, 403, "M_FORBIDDEN")]
    [InlineData("PUT", "rooms/{commons}/state/m.room.name", "{\"name\":\"x\"}", 403, "M_FORBIDDEN")]
    [InlineData("PUT", "rooms/{commons}/state/m.room.member/{alice}", "{\"membership\":\"leave\"}", 403, "M_FORBIDDEN")]
    [InlineData("PUT", "rooms/{commons}/state/m.room.create/", "{}", 403, "M_FORBIDDEN")]
    [InlineData("PUT", "profile/{alice}/displayname", "{\"displayname\":\"x\"}", 403, "M_FORBIDDEN")]
    [InlineData("PUT", "user/{alice}/account_data/org.example.none", "{}", 403, "M_FORBIDDEN")]
    [InlineData("GET", "user/{alice}/account_data/org.example.none", null, 403, "M_FORBIDDEN")]
    [InlineData("POST", "user/{alice}/filter", "{}", 403, "M_FORBIDDEN")]
    public Task of_somebody_else_s_things(string method, string path, string? body, int status, string code) =>
        ExpectAsync(method, V3 + path, "mallory", body, status, code);

    [Theory]
    [InlineData("GET", "rooms/!none:hs/state", null, 403, "M_FORBIDDEN")]
    [InlineData("PUT", "rooms/!none:hs/send/m.room.message/k1", "{}", 403, "M_FORBIDDEN")]
    [InlineData("POST", "join/!none:hs", "{}", 404, "M_NOT_FOUND")]
    [InlineData("POST", "join/%23none:hs", "{}", 404, "M_NOT_FOUND")]
    [InlineData("GET", "directory/room/%23none:hs", null, 404, "M_NOT_FOUND")]
    [InlineData("GET", "directory/list/room/!none:hs", null, 404, "M_NOT_FOUND")]
    [InlineData("GET", "profile/@none:hs", null, 404, "M_NOT_FOUND")]
    [InlineData("GET", "devices/NONE", null, 404, "M_NOT_FOUND")]
    [InlineData("GET", "user/{mallory}/filter/4711", null, 404, "M_NOT_FOUND")]
    [InlineData("GET", "user/{mallory}/account_data/org.example.never", null, 404, "M_NOT_FOUND")]
    [InlineData("GET", "rooms/{lair}/state/org.example.never/", null, 404, "M_NOT_FOUND")]
    [InlineData("GET", "rooms/{lair}/event/$none", null, 404, "M_NOT_FOUND")]
    [InlineData("PUT", "rooms/{lair}/redact/$none/k2", "{}", 404, "M_NOT_FOUND")]
    public Task of_things_unknown(string method, string path, string? body, int status, string code) =>
        ExpectAsync(method, V3 + path, "mallory", body, status, code);

    [Theory]
    [InlineData("POST", "createRoom", "{\"room_version\":\"99\"}", 400, "M_UNSUPPORTED_ROOM_VERSION")]
    [InlineData("POST", "createRoom", "{\"room_alias_name\":\"commons\"}", 400, "M_ROOM_IN_USE")]
    [InlineData("POST", "createRoom", "{\"name\":1}", 400, "M_BAD_JSON")]
    [InlineData("POST", "createRoom", "{\"invite\":\"@bob:hs\"}", 400, "M_BAD_JSON")]
    [InlineData("POST", "createRoom", "{\"preset\":\"castle\"}", 400, "M_BAD_JSON")]
    [InlineData("POST", "createRoom", "{\"initial_state\":[1]}", 400, "M_BAD_JSON")]
    [InlineData("POST", "register", "{\"username\":\"alice\",\"password\":\"p\"}", 400, "M_USER_IN_USE")]
    [InlineData("POST", "register", "{\"username\":\"No Spaces\",\"password\":\"p\"}", 400, "M_INVALID_USERNAME")]
    [InlineData("POST", "register?kind=king", "{}", 400, "M_INVALID_PARAM")]
    [InlineData("POST", "register?kind=guest", "{}", 403, "M_FORBIDDEN")]
    [InlineData("GET", "register/available?username=alice", null, 400, "M_USER_IN_USE")]
    [InlineData("POST", "login", "{\"type\":\"m.login.magic\"}", 400, "M_UNKNOWN")]
    [InlineData("POST", "rooms/{lair}/invite", "{}", 400, "M_MISSING_PARAM")]
    [InlineData("POST", "rooms/{lair}/invite", "{\"user_id\":\"bob\"}", 400, "M_INVALID_PARAM")]
    [InlineData("GET", "rooms/{lair}/messages?dir=x", null, 400, "M_INVALID_PARAM")]
    [InlineData("GET", "rooms/{lair}/messages", null, 400, "M_MISSING_PARAM")]
    [InlineData("GET", "rooms/{lair}/messages?dir=b&limit=-1", null, 400, "M_INVALID_PARAM")]
    [InlineData("GET", "rooms/{lair}/messages?dir=b&from=x", null, 400, "M_INVALID_PARAM")]
    [InlineData("GET", "sync?since=x", null, 400, "M_INVALID_PARAM")]
    [InlineData("GET", "sync?timeout=soon", null, 400, "M_INVALID_PARAM")]
    [InlineData("PUT", "rooms/{lair}/state/m.room.canonical_alias/", "{\"alias\":\"#none:hs\"}", 400, "M_BAD_ALIAS")]
    [InlineData("PUT", "rooms/{lair}/state/m.room.canonical_alias/", "{\"alias\":\"none\"}", 400, "M_INVALID_PARAM")]
    [InlineData("PUT", "user/{mallory}/account_data/m.fully_read", "{}", 405, "M_BAD_JSON")]
    public Task of_parameters(string method, string path, string? body, int status, string code) =>
        ExpectAsync(method, V3 + path, "mallory", body, status, code);

    [Theory]
    [InlineData("alice")]
    [InlineData("nobody")]
    public Task of_a_wrong_password(string user) => ExpectAsync(
        "POST",
        V3 + "login",
        null,
        $$"""{"type":"m.login.password","identifier":{"type":"m.id.user","user":"{{user}}"},"password":"no"}""",
        403,
        "M_FORBIDDEN");

    [Fact]
    public async Task of_a_user_id_of_256_bytes()
    {
        var user = "@" + new string('u', 252) + ":hs";
        Assert.Equal(256, user.Length);
        await ExpectAsync("GET", V3 + "profile/" + user, "mallory", (string?)null, 400, "M_INVALID_PARAM");
        await ExpectAsync("POST", V3 + "rooms/{lair}/invite", "mallory", $"{{\"user_id\":\"{user}\"}}", 400, "M_INVALID_PARAM");
        await ExpectAsync(
            "POST", V3 + "register", null, $"{{\"username\":\"{user[1..^3]}\",\"password\":\"p\"}}", 400, "M_INVALID_USERNAME");
    }

    private Task ExpectAsync(string method, string target, string? token, string? body, int status, string? code) =>
        ExpectAsync(method, target, token, body is null ? null : Encoding.UTF8.GetBytes(body), status, code);

    private async Task ExpectAsync(string method, string target, string? token, byte[]? body, int status, string? code)
    {
        var filled = target
            .Replace("{lair}", Uri.EscapeDataString(world.Lair), StringComparison.Ordinal)
            .Replace("{private}", Uri.EscapeDataString(world.PrivateRoom), StringComparison.Ordinal)
            .Replace("{commons}", Uri.EscapeDataString(world.Commons), StringComparison.Ordinal)
            .Replace("{event}", Uri.EscapeDataString(world.PrivateEvent), StringComparison.Ordinal)
            .Replace("{alice}", Uri.EscapeDataString(world.Alice.UserId), StringComparison.Ordinal)
            .Replace("{mallory}", Uri.EscapeDataString(world.Mallory.UserId), StringComparison.Ordinal);
        var authorization = token == "mallory" ? "Bearer " + world.Mallory.Token : token;
        await using var client = new RawClient(world.Server.Address);
        var reply = await client.SendAsync(new RawRequest(method, filled, authorization, body));
        Assert.Equal((status, code), (reply.Status, reply.Status < 400 ? null : reply.ErrCode));
    }
}
