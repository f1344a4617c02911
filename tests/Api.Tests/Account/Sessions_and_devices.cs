using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.Tests.Account;

public class Sessions_and_devices(AccountServer server) : IClassFixture<AccountServer>
{
    [Theory]
    [InlineData("login1", "login1")]
    [InlineData("login2", "@login2:hs")]
    [InlineData("login3", "LOGIN3")]
    public async Task login_takes_a_name_or_an_id(string username, string identifier)
    {
        var first = await server.RegisterAsync(username);
        var second = (await server.LogInAsync(identifier)).Session();
        Assert.Equal(first.UserId, second.UserId);
        Assert.NotEqual(first.DeviceId, second.DeviceId);
        (await server.SendAsync("GET", "account/whoami", token: first.Token)).Is(200);
        (await server.SendAsync("GET", "account/whoami", token: second.Token)).Is(200);
    }

    [Theory]
    [InlineData("""{"type":"m.login.password","user":"login-errors","password":"secret"}""", 200, null)]
    [InlineData("""{"type":"m.login.password","user":"login-errors","password":"wrong"}""", 403, ErrCodes.Forbidden)]
    [InlineData("""{"type":"m.login.password","user":"nobody","password":"secret"}""", 403, ErrCodes.Forbidden)]
    [InlineData(
        """{"type":"m.login.password","user":"@login-errors:elsewhere","password":"p"}""", 403, ErrCodes.Forbidden)]
    [InlineData("""{"type":"m.login.password","user":"login-errors"}""", 400, ErrCodes.MissingParam)]
    [InlineData("""{"type":"m.login.password","password":"secret"}""", 400, ErrCodes.MissingParam)]
    [InlineData("""{"type":"m.login.password","identifier":"x","password":"secret"}""", 400, ErrCodes.BadJson)]
    [InlineData("""{"type":"m.login.password","user":"login-errors","password":{}}""", 400, ErrCodes.BadJson)]
    [InlineData("""{"type":"m.login.unheard_of"}""", 400, ErrCodes.Unknown)]
    [InlineData("""{"type":7}""", 400, ErrCodes.BadJson)]
    [InlineData("{}", 400, ErrCodes.MissingParam)]
    [InlineData("", 400, ErrCodes.NotJson)]
    public async Task login_answers_each_error(string body, int status, string? errCode)
    {
        await server.SendAsync(
            "POST", "register", """{"username":"login-errors","password":"secret","auth":{"type":"m.login.dummy"}}""");
        (await server.SendAsync("POST", "login", body)).Is(status, errCode);
    }

    [Fact]
    public async Task login_on_a_known_device_ends_its_old_token()
    {
        var first = await server.RegisterAsync("reuse");
        (await server.SendAsync("GET", "account/whoami", token: first.Token)).Is(200);
        var second = (await server.LogInAsync(
            "reuse", more: ""","device_id":"DEV","initial_device_display_name":"other" """)).Session();

        Assert.Equal("DEV", second.DeviceId);
        (await server.SendAsync("GET", "account/whoami", token: first.Token)).Is(401, ErrCodes.UnknownToken);
        var now = server.Time.GetUtcNow().ToUnixTimeMilliseconds();
        Assert.Equal(
            $$"""{"devices":[{"device_id":"DEV","display_name":"phone","last_seen_ip":"127.0.0.1","last_seen_ts":{{now}}}]}""",
            (await server.SendAsync("GET", "devices", token: second.Token)).Text);
    }

    [Fact]
    public async Task logout_ends_the_session()
    {
        var first = await server.RegisterAsync("leaver");
        var second = (await server.LogInAsync("leaver")).Session();
        (await server.SendAsync("GET", "account/whoami", token: first.Token)).Is(200);

        (await server.SendAsync("POST", "logout", "{}", first.Token)).Is(200);

        (await server.SendAsync("GET", "account/whoami", token: first.Token)).Is(401, ErrCodes.UnknownToken);
        (await server.SendAsync("POST", "logout", token: first.Token)).Is(401, ErrCodes.UnknownToken);
        (await server.SendAsync("GET", $"devices/{first.DeviceId}", token: second.Token)).Is(404, ErrCodes.NotFound);
    }

    [Fact]
    public async Task logout_all_ends_every_session()
    {
        var first = await server.RegisterAsync("all");
        var second = (await server.LogInAsync("all")).Session();
        (await server.SendAsync("GET", "account/whoami", token: second.Token)).Is(200);
        (await server.SendAsync("POST", "logout/all", token: first.Token)).Is(200);
        (await server.SendAsync("GET", "account/whoami", token: first.Token)).Is(401, ErrCodes.UnknownToken);
        (await server.SendAsync("GET", "account/whoami", token: second.Token)).Is(401, ErrCodes.UnknownToken);
    }

    [Fact]
    public async Task devices_are_shown_and_renamed()
    {
        var session = await server.RegisterAsync("dev", deviceId: "my/device");
        var path = "devices/my%2Fdevice";
        var now = server.Time.GetUtcNow().ToUnixTimeMilliseconds();
        Assert.Equal(
            $$"""{"device_id":"my/device","display_name":"phone","last_seen_ip":"127.0.0.1","last_seen_ts":{{now}}}""",
            (await server.SendAsync("GET", path, token: session.Token)).Text);
        (await server.SendAsync("PUT", path, """{"display_name":"tablet"}""", session.Token)).Is(200);
        Assert.Equal("tablet", (await server.SendAsync("GET", path, token: session.Token)).Get("display_name"));
        (await server.SendAsync("PUT", path, "{}", session.Token)).Is(200);
        Assert.Equal("tablet", (await server.SendAsync("GET", path, token: session.Token)).Get("display_name"));
        (await server.SendAsync("PUT", path, """{"display_name":7}""", session.Token)).Is(400, ErrCodes.BadJson);
        (await server.SendAsync("PUT", "devices/X", """{"display_name":"x"}""", session.Token)).Is(
            404, ErrCodes.NotFound);
        (await server.SendAsync("PUT", "devices/X", "{}", session.Token)).Is(404, ErrCodes.NotFound);
        (await server.SendAsync("GET", "devices/X", token: session.Token)).Is(404, ErrCodes.NotFound);
        (await server.SendAsync("GET", "devices")).Is(401, ErrCodes.MissingToken);
    }

    [Fact]
    public async Task deleting_a_device_asks_for_the_password()
    {
        var session = await server.RegisterAsync("deleter");
        var gone = (await server.LogInAsync("deleter", more: ""","device_id":"GONE" """)).Session();
        var challenge = await server.SendAsync("DELETE", "devices/GONE", token: session.Token);
        challenge.Is(401);
        Assert.Equal("""[{"stages":["m.login.password"]}]""", challenge.Json.GetProperty("flows").GetRawText());

        string Auth(string user, string password) => $$$"""
            {"auth":{"type":"m.login.password","session":"{{{challenge.Get("session")}}}",
            "identifier":{"type":"m.id.user","user":"{{{user}}}"},"password":"{{{password}}}"}}
            """;
        (await server.SendAsync("DELETE", "devices/GONE", Auth("deleter", "wrong"), session.Token)).Is(
            401, ErrCodes.Forbidden);
        (await server.SendAsync("DELETE", "devices/OTHER", Auth("deleter", "secret"), session.Token)).Is(
            403, ErrCodes.Forbidden);
        (await server.SendAsync("GET", "account/whoami", token: gone.Token)).Is(200);
        (await server.SendAsync("DELETE", "devices/GONE", Auth("deleter", "secret"), session.Token)).Is(200);
        (await server.SendAsync("GET", "account/whoami", token: gone.Token)).Is(401, ErrCodes.UnknownToken);
        (await server.SendAsync("GET", "account/whoami", token: session.Token)).Is(200);
    }

    [Fact]
    public async Task another_users_password_deletes_nothing()
    {
        var session = await server.RegisterAsync("victim");
        await server.RegisterAsync("attacker", "known");
        var answer = await server.SendAsync(
            "POST",
            "delete_devices",
            """{"devices":["DEV"],"auth":{"type":"m.login.password","user":"attacker","password":"known"}}""",
            session.Token);
        answer.Is(401, ErrCodes.Forbidden);
        (await server.SendAsync("GET", "account/whoami", token: session.Token)).Is(200);
    }

    [Theory]
    [InlineData("""{"devices":["B","C","nothing"]}""", 200, null)]
    [InlineData("{}", 400, ErrCodes.MissingParam)]
    [InlineData("""{"devices":"B"}""", 400, ErrCodes.BadJson)]
    [InlineData("""{"devices":[7]}""", 400, ErrCodes.BadJson)]
    public async Task several_devices_are_deleted_at_once(string body, int status, string? errCode)
    {
        var name = $"many{status}.{(body.Contains('7') ? 7 : body.Length)}";
        var session = await server.RegisterAsync(name);
        await server.LogInAsync(name, more: ""","device_id":"B" """);
        await server.LogInAsync(name, more: ""","device_id":"C" """);
        var auth = $$"""{"type":"m.login.password","user":"{{name}}","password":"secret"}""";
        var separator = body == "{}" ? "" : ",";

        (await server.SendAsync(
            "POST", "delete_devices", $$"""{{body[..^1]}}{{separator}}"auth":{{auth}}}""", session.Token))
            .Is(status, errCode);

        var devices = (await server.SendAsync("GET", "devices", token: session.Token)).Json.GetProperty("devices");
        Assert.Equal(status == 200 ? 1 : 3, devices.GetArrayLength());
    }

    [Fact]
    public async Task a_new_password_ends_the_other_sessions()
    {
        var session = await server.RegisterAsync("changer");
        var other = (await server.LogInAsync("changer")).Session();
        (await server.SendAsync("GET", "account/whoami", token: other.Token)).Is(200);
        const string auth = """{"type":"m.login.password","user":"changer","password":"secret"}""";

        (await server.SendAsync("POST", "account/password", """{"new_password":"better"}""", session.Token)).Is(401);
        (await server.SendAsync("POST", "account/password", $$"""{"auth":{{auth}}}""", session.Token)).Is(
            400, ErrCodes.MissingParam);
        (await server.SendAsync("POST", "account/password", $$"""{"new_password":"","auth":{{auth}}}""", session.Token))
            .Is(400, ErrCodes.WeakPassword);
        (await server.SendAsync(
            "POST", "account/password", $$"""{"new_password":"better","auth":{{auth}}}""", session.Token)).Is(200);

        (await server.SendAsync("GET", "account/whoami", token: session.Token)).Is(200);
        (await server.SendAsync("GET", "account/whoami", token: other.Token)).Is(401, ErrCodes.UnknownToken);
        (await server.LogInAsync("changer", "secret")).Is(403, ErrCodes.Forbidden);
        (await server.LogInAsync("changer", "better")).Is(200);
    }

    [Fact]
    public async Task a_new_password_may_leave_the_other_sessions()
    {
        var session = await server.RegisterAsync("keeper");
        var other = (await server.LogInAsync("keeper")).Session();
        const string auth = """{"type":"m.login.password","user":"keeper","password":"secret"}""";
        (await server.SendAsync(
            "POST", "account/password", $$"""{"new_password":"b","logout_devices":false,"auth":{{auth}}}""", session.Token)).Is(200);
        (await server.SendAsync("GET", "account/whoami", token: other.Token)).Is(200);
    }

    [Fact]
    public async Task a_closed_account_is_closed()
    {
        var session = await server.RegisterAsync("closing");
        const string auth = """{"type":"m.login.password","user":"closing","password":"secret"}""";
        (await server.SendAsync("POST", "account/deactivate", "{}", session.Token)).Is(401);
        var closed = await server.SendAsync(
            "POST", "account/deactivate", $$"""{"erase":false,"auth":{{auth}}}""", session.Token);
        Assert.Equal((200, """{"id_server_unbind_result":"success"}"""), (closed.Status, closed.Text));
        (await server.SendAsync("GET", "account/whoami", token: session.Token)).Is(401, ErrCodes.UnknownToken);
        (await server.LogInAsync("closing")).Is(403, ErrCodes.UserDeactivated);
        (await server.SendAsync("GET", "profile/@closing:hs")).Is(404, ErrCodes.NotFound);
        (await server.SendAsync("GET", "register/available?username=closing")).Is(400, ErrCodes.UserInUse);
    }
}
