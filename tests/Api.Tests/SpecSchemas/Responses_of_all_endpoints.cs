using System.Text.Json;
using Matrix.EventSourced.Api.Configuration;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Api.Tests.Account;
using Matrix.EventSourced.Api.Tests.Configuration;
using Matrix.EventSourced.Kit.Hosting;

namespace Matrix.EventSourced.Api.Tests.SpecSchemas;

/// <summary>The real host's answers against the schemas of the spec, endpoint by endpoint.</summary>
public sealed partial class Responses_of_all_endpoints : IAsyncLifetime
{
    private const string V1 = "/_matrix/client/v1/";
    private const string V3 = "/_matrix/client/v3/";

    /// <summary>Endpoints whose answers are not checked here, and why.</summary>
    private static readonly Dictionary<string, string> Exceptions = new(StringComparer.Ordinal)
    {
        ["GET /"] = "a page for people",
        ["GET /_matrix/static/client/login"] = "a page for people",
        ["GET /_matrix/static/client/login/"] = "a page for people",
        ["GET /_matrix/client/v3/auth/{}/fallback/web"] = "a page for people",
        ["POST /_matrix/client/v3/auth/{}/fallback/web"] = "a page for people",
        ["POST /_matrix/client/v3/account/3pid/add"] = "always refused, which the spec has no schema for",
        ["POST /_matrix/client/v3/account/3pid/bind"] = "always refused, which the spec has no schema for",
        ["GET /_admin/v1/reports"] = "ours, and in no schema",
        ["GET /_admin/v1/destinations"] = "ours, and in no schema",
        ["GET /_synapse/admin/v1/register"] = "not of the spec",
        ["POST /_synapse/admin/v1/register"] = "not of the spec",
        ["POST /_matrix/client/v4/sync"] = "a proposal, in no schema yet",
        ["POST /_matrix/client/unstable/org.matrix.simplified_msc3575/sync"] = "a proposal, in no schema yet",
        ["PUT /_matrix/client/v3/rooms/{}/delayed_event/{}/{}"] = "a proposal, in no schema yet",
        ["POST /_matrix/client/v1/delayed_events/{}/{}"] = "a proposal, in no schema yet",
        ["POST /_matrix/client/unstable/org.matrix.msc4140/delayed_events/{}"] = "a proposal, in no schema yet",
        ["GET /_matrix/client/v1/delayed_events/{}"] = "a proposal, in no schema yet",
        ["GET /_matrix/client/unstable/org.matrix.msc4140/delayed_events"] = "a proposal, in no schema yet",
        ["GET /_matrix/client/v1/rtc/transports"] = "a proposal, in no schema yet",
        ["GET /health"] = "ours, and in no schema",
        ["GET /_matrix/client/v3/login/sso/redirect"] = "leads to a page for people",
        ["GET /_matrix/client/v3/login/sso/redirect/{}"] = "leads to a page for people",
        ["GET /.well-known/oauth-authorization-server"] = "the same as auth_metadata",
        ["GET /_matrix/client/v1/media/download/{}/{}"] = "bytes, and no JSON",
        ["GET /_matrix/client/v1/media/download/{}/{}/{}"] = "bytes, and no JSON",
        ["GET /_matrix/media/v3/download/{}/{}"] = "bytes, and no JSON",
        ["GET /_matrix/media/v3/download/{}/{}/{}"] = "bytes, and no JSON",
        ["GET /_matrix/media/v3/thumbnail/{}/{}"] = "bytes, and no JSON",
    };

    private TestHomeserver _server = null!;
    private SchemaWalk _walk = null!;
    private TestUser _alice = null!;
    private TestUser _bob = null!;
    private string _room = null!;

    public async Task InitializeAsync()
    {
        _server = await TestHomeserver.StartAsync(new TestHomeserverOptions { Configure = Configure });
        _walk = new SchemaWalk(_server);
        _alice = await _server.RegisterAsync("alice");
        _bob = await _server.RegisterAsync("bob");
        _room = await _alice.CreateRoomAsync("""{"preset":"public_chat","name":"Room","topic":"Talk","room_alias_name":"room"}""");
        await _bob.JoinAsync(_room);
    }

    public Task DisposeAsync() => _server.DisposeAsync().AsTask();

    [Fact]
    public async Task fit_the_schemas_of_the_spec_and_none_is_left_out()
    {
        await CallServerAsync();
        await CallRoomsAsync();
        await CallReadingAsync();
        await CallRelationsAsync();
        await CallSearchAsync();
        await CallDiscoveringAsync();
        await CallKeysAsync();
        await CallAccountAsync();
        await CallAdministrationAsync();
        await CallMediaAsync();
        await CallSmallModulesAsync();
        await CallKeyBackupAsync();
        await CallAppserviceAsync(_walk);
        // Last, since it ends sessions.
        await CallSessionsAsync();

        Assert.Empty(_walk.Problems);
        var missing = Composition.ClientEndpoints().Entries
            .Select(entry => SpecEndpoint.KeyOf(entry.Spec.Method, entry.Spec.Path))
            // The endpoints of OAuth are those of its RFCs, and where they are auth_metadata says.
            .Where(key => !key.Contains(" /_matrix/oauth2/", StringComparison.Ordinal))
            .Where(key => !_walk.Checked.Contains(key) && !Exceptions.ContainsKey(key));
        Assert.Empty(missing);
    }

    private static HomeserverConfig Configure(HomeserverConfig config) => Reporting.Configured(config) with
    {
        UrlPreviews = config.UrlPreviews with { AllowPrivateAddresses = true },
        OAuth = new OAuthConfig { Mode = OAuthMode.On },
    };

    private async Task CallServerAsync()
    {
        await _walk.CallAsync("GET /_matrix/client/versions", null);
        await _walk.CallAsync("GET /.well-known/matrix/client", null);
        await _walk.CallAsync("GET /.well-known/matrix/server", null);
        await _walk.CallAsync("GET /.well-known/matrix/support", null);
        await _walk.CallAsync("GET /.well-known/matrix/policy_server", null);
        await _walk.CallAsync($"GET {V3}capabilities", _alice);
    }

    private async Task CallRoomsAsync()
    {
        var made = (await _walk.CallAsync($"POST {V3}createRoom", _alice, body: "{}")).Text("room_id");
        await _walk.CallAsync($"POST {V3}rooms/{{roomId}}/invite", _alice, [made], Target(_bob));
        await _walk.CallAsync($"POST {V3}rooms/{{roomId}}/join", _bob, [made], "{}");
        await _walk.CallAsync($"POST {V3}rooms/{{roomId}}/kick", _alice, [made], Target(_bob));
        await _walk.CallAsync($"POST {V3}rooms/{{roomId}}/ban", _alice, [made], Target(_bob));
        await _walk.CallAsync($"POST {V3}rooms/{{roomId}}/unban", _alice, [made], Target(_bob));
        await _walk.CallAsync($"POST {V3}rooms/{{roomId}}/upgrade", _alice, [made], """{"new_version":"11"}""");
        await _walk.CallAsync($"POST {V3}rooms/{{roomId}}/forget", _bob, [made], "{}");
        var knocking = await _alice.CreateRoomAsync(
            """{"initial_state":[{"type":"m.room.join_rules","state_key":"","content":{"join_rule":"knock"}}]}""");
        await _walk.CallAsync($"POST {V3}knock/{{roomIdOrAlias}}", _bob, [knocking], "{}");
        await _walk.CallAsync($"POST {V3}rooms/{{roomId}}/leave", _bob, [knocking], "{}");
        await _walk.CallAsync($"POST {V3}join/{{roomIdOrAlias}}", _bob, ["#room:hs"], "{}");
        await _walk.CallAsync(
            $"PUT {V3}rooms/{{roomId}}/send/{{eventType}}/{{txnId}}", _alice, [_room, "m.room.message", "walk"], Text("hello"));
        await _walk.CallAsync(
            $"PUT {V3}rooms/{{roomId}}/state/{{eventType}}/{{stateKey?}}", _alice, [_room, "m.room.topic", ""], """{"topic":"t"}""");
        var bad = await _alice.SendTextAsync(_room, "bad");
        await _walk.CallAsync($"PUT {V3}rooms/{{roomId}}/redact/{{eventId}}/{{txnId}}", _alice, [_room, bad, "r"], "{}");
        await _walk.CallAsync($"PUT {V3}directory/room/{{roomAlias}}", _alice, ["#other:hs"], $$"""{"room_id":"{{_room}}"}""");
        await _walk.CallAsync($"GET {V3}directory/room/{{roomAlias}}", null, ["#other:hs"]);
        await _walk.CallAsync($"GET {V3}rooms/{{roomId}}/aliases", _alice, [_room]);
        await _walk.CallAsync($"DELETE {V3}directory/room/{{roomAlias}}", _alice, ["#other:hs"]);
        await _walk.CallAsync(
            $"PUT {V3}directory/list/room/{{roomId}}", _alice, [_room], """{"visibility":"public"}""");
        await _walk.CallAsync($"GET {V3}directory/list/room/{{roomId}}", null, [_room]);
        await _walk.CallAsync($"GET {V3}publicRooms", null);
        await _walk.CallAsync($"POST {V3}publicRooms", _alice, body: """{"filter":{"generic_search_term":"room"}}""");
    }

    private async Task CallReadingAsync()
    {
        var eventId = await _alice.SendTextAsync(_room, "read me");
        await _walk.CallAsync(
            $"PUT {V3}rooms/{{roomId}}/typing/{{userId}}", _alice, [_room, _alice.UserId], """{"typing":true}""");
        await _walk.CallAsync(
            $"POST {V3}rooms/{{roomId}}/receipt/{{receiptType}}/{{eventId}}", _alice, [_room, "m.read", eventId], "{}");
        await _walk.CallAsync(
            $"POST {V3}rooms/{{roomId}}/read_markers", _alice, [_room], $$"""{"m.fully_read":"{{eventId}}"}""");
        await _walk.CallAsync(
            $"PUT {V3}presence/{{userId}}/status", _alice, [_alice.UserId], """{"presence":"online","status_msg":"here"}""");
        await _walk.CallAsync($"GET {V3}presence/{{userId}}/status", _bob, [_alice.UserId]);
        await _walk.CallAsync(
            $"PUT {V3}sendToDevice/{{eventType}}/{{txnId}}",
            _alice,
            ["m.dummy", "walk"],
            $$$"""{"messages":{"{{{_bob.UserId}}}":{"*":{} } } }""");
        await _walk.CallAsync($"GET {V3}sync", _bob);
        await _walk.CallAsync($"GET {V3}joined_rooms", _bob);
        await _walk.CallAsync($"GET {V3}rooms/{{roomId}}/messages", _bob, [_room, "?dir=b"]);
        await _walk.CallAsync($"GET {V3}rooms/{{roomId}}/members", _bob, [_room]);
        await _walk.CallAsync($"GET {V3}rooms/{{roomId}}/joined_members", _bob, [_room]);
        await _walk.CallAsync($"GET {V3}rooms/{{roomId}}/state", _bob, [_room]);
        await _walk.CallAsync(
            $"GET {V3}rooms/{{roomId}}/state/{{eventType}}/{{stateKey?}}", _bob, [_room, "m.room.name", ""]);
        await _walk.CallAsync($"GET {V3}rooms/{{roomId}}/event/{{eventId}}", _bob, [_room, eventId]);
        await _walk.CallAsync($"GET {V3}rooms/{{roomId}}/context/{{eventId}}", _bob, [_room, eventId]);
        await _walk.CallAsync($"GET {V3}rooms/{{roomId}}/initialSync", _bob, [_room]);
        await _walk.CallAsync($"GET {V3}initialSync", _bob);
        await _walk.CallAsync($"GET {V3}events", _bob, ["?from=s1"]);
        await _walk.CallAsync($"GET {V3}events/{{eventId}}", _bob, [eventId]);
    }

    private async Task CallRelationsAsync()
    {
        var root = await _alice.SendTextAsync(_room, "root");
        string Relation(string type) =>
            $$$"""{"msgtype":"m.text","body":"b","m.new_content":{},"m.relates_to":{"rel_type":"{{{type}}}","event_id":"{{{root}}}"} }""";
        foreach (var type in (string[])["m.thread", "m.replace", "m.reference"])
            await _alice.SendAsync(_room, "m.room.message", Relation(type));
        const string relations = "/_matrix/client/v1/rooms/{roomId}/relations/{eventId}";
        await _walk.CallAsync($"GET {relations}", _bob, [_room, root, "?recurse=true"]);
        await _walk.CallAsync($"GET {relations}/{{relType}}", _bob, [_room, root, "m.thread"]);
        await _walk.CallAsync(
            $"GET {relations}/{{relType}}/{{eventType}}", _bob, [_room, root, "m.thread", "m.room.message"]);
        await _walk.CallAsync("GET /_matrix/client/v1/rooms/{roomId}/threads", _bob, [_room]);
        await _walk.CallAsync($"GET {V3}rooms/{{roomId}}/event/{{eventId}}", _bob, [_room, root]);
    }

    private async Task CallSearchAsync()
    {
        await _alice.SendTextAsync(_room, "martians and men");
        const string criteria = """
            {"search_term":"martian","include_state":true,"event_context":{"include_profile":true},
            "groupings":{"group_by":[{"key":"room_id"},{"key":"sender"}]}}
            """;
        await _walk.CallAsync($"POST {V3}search", _bob, body: $$$"""{"search_categories":{"room_events":{{{criteria}}} }}""");
    }

    private async Task CallDiscoveringAsync()
    {
        const string v1 = "/_matrix/client/v1/";
        var space = await _alice.CreateRoomAsync("""{"preset":"public_chat","creation_content":{"type":"m.space"}}""");
        await _alice.SetStateAsync(space, "m.space.child", _room, """{"via":["hs"]}""");
        await _walk.CallAsync($"GET {v1}rooms/{{roomId}}/hierarchy", _bob, [space, "?limit=1"]);
        await _walk.CallAsync($"GET {v1}room_summary/{{roomIdOrAlias}}", _bob, ["#room:hs"]);
        await _walk.CallAsync($"GET {v1}mutual_rooms", _bob, [$"?user_id={_alice.UserId}"]);
        await _walk.CallAsync($"GET {v1}rooms/{{roomId}}/timestamp_to_event", _bob, [_room, "?ts=1&dir=f"]);
        await _walk.CallAsync($"POST {V3}user_directory/search", _bob, body: """{"search_term":"alice"}""");
    }

    private async Task CallAccountAsync()
    {
        var alice = _alice.UserId;
        await _walk.CallAsync($"GET {V3}account/whoami", _alice);
        await _walk.CallAsync(
            $"PUT {V3}profile/{{userId}}/{{keyName}}", _alice, [alice, "displayname"], """{"displayname":"Alice"}""");
        await _walk.CallAsync($"GET {V3}profile/{{userId}}/{{keyName}}", null, [alice, "displayname"]);
        await _walk.CallAsync($"GET {V3}profile/{{userId}}", null, [alice]);
        await _walk.CallAsync($"DELETE {V3}profile/{{userId}}/{{keyName}}", _alice, [alice, "displayname"]);
        const string global = $"{V3}user/{{userId}}/account_data/{{type}}";
        await _walk.CallAsync($"PUT {global}", _alice, [alice, "org.example"], "{}");
        await _walk.CallAsync($"GET {global}", _alice, [alice, "org.example"]);
        const string ofRoom = $"{V3}user/{{userId}}/rooms/{{roomId}}/account_data/{{type}}";
        await _walk.CallAsync($"PUT {ofRoom}", _alice, [alice, _room, "org.example"], "{}");
        await _walk.CallAsync($"GET {ofRoom}", _alice, [alice, _room, "org.example"]);
        var filter = await _walk.CallAsync(
            $"POST {V3}user/{{userId}}/filter", _alice, [alice], """{"room":{"timeline":{"limit":3}}}""");
        await _walk.CallAsync($"GET {V3}user/{{userId}}/filter/{{filterId}}", _alice, [alice, filter.Text("filter_id")]);
        await CallClientConfigAsync();
    }

    private async Task CallSessionsAsync()
    {
        const string password = """{"type":"m.login.password","identifier":{"type":"m.id.user","user":"alice"},"password":"secret"}""";
        await _walk.CallAsync($"POST {V3}register", null, body: "{}", status: 401);
        await _walk.CallAsync(
            $"POST {V3}register", null, body: """{"username":"dora","password":"secret","auth":{"type":"m.login.dummy"}}""");
        await _walk.CallAsync($"GET {V3}register/available", null, ["?username=free"]);
        await _walk.CallAsync(
            "GET /_matrix/client/v1/register/m.login.registration_token/validity", null, ["?token=nothing"]);
        await _walk.CallAsync($"GET {V3}login", null);
        await _walk.CallAsync($"POST {V3}login", null, body: Login("ONE"));
        await _walk.CallAsync($"POST {V3}login", null, body: Login("TWO"));
        await CallTokensAsync(password);
        await _walk.CallAsync($"GET {V3}devices", _alice);
        await _walk.CallAsync($"PUT {V3}devices/{{deviceId}}", _alice, ["ONE"], """{"display_name":"one"}""");
        await _walk.CallAsync($"GET {V3}devices/{{deviceId}}", _alice, ["ONE"]);
        await _walk.CallAsync($"DELETE {V3}devices/{{deviceId}}", _alice, ["ONE"], "{}", 401);
        await _walk.CallAsync($"DELETE {V3}devices/{{deviceId}}", _alice, ["ONE"], $$"""{"auth":{{password}}}""");
        await _walk.CallAsync(
            $"POST {V3}delete_devices", _alice, body: $$"""{"devices":["TWO"],"auth":{{password}}}""");
        await _walk.CallAsync(
            $"POST {V3}account/password", _alice, body: $$"""{"new_password":"secret","auth":{{password}}}""");
        var again = await LogInAsync("THREE");
        await _walk.CallAsync($"POST {V3}logout", again, body: "{}");
        again = await LogInAsync("FOUR");
        await _walk.CallAsync($"POST {V3}account/deactivate", again, body: $$"""{"auth":{{password}}}""");
        await _walk.CallAsync($"POST {V3}logout/all", _bob, body: "{}");
    }

    private async Task<TestUser> LogInAsync(string deviceId)
    {
        var session = (await _server.SendAsync("POST", "login", null, Login(deviceId))).Ok();
        return new TestUser(_server, session.Text("user_id"), session.Text("access_token"), deviceId);
    }

    private static string Login(string deviceId) =>
        $$$"""
        {"type":"m.login.password","identifier":{"type":"m.id.user","user":"alice"},"password":"secret","device_id":"{{{deviceId}}}"}
        """;

    private static string Target(TestUser user) => $$"""{"user_id":"{{user.UserId}}"}""";

    private static string Text(string body) => $$"""{"msgtype":"m.text","body":"{{body}}"}""";
}
