using Matrix.EventSourced.Kit.Hosting;
using Microsoft.Extensions.Time.Testing;

namespace Matrix.EventSourced.Api.Tests.OAuth;

public sealed class Devices_without_a_browser
{
    private const string Scope = "urn:matrix:client:api:* urn:matrix:client:device:TVTVTVTVTV";

    [Fact]
    public async Task a_device_is_let_in_after_a_restart_too()
    {
        await using var server = await OAuthServer.StartAsync();
        await server.Server.RegisterAsync("alice");
        var asked = (await RequestAsync(server)).Json;
        Assert.Equal("http://hs/_matrix/oauth2/device", asked.Text("verification_uri"));
        Assert.Equal(5, asked.GetProperty("interval").GetInt32());
        var deviceCode = asked.Text("device_code");
        (await PollAsync(server, deviceCode)).Refused(400, "authorization_pending");
        (await PollAsync(server, deviceCode)).Refused(400, "slow_down");

        await server.Server.RestartAsync();
        using var browser = server.NewBrowser();
        var page = await OAuthServer.LogInAsync(browser, new Uri(asked.Text("verification_uri_complete")).PathAndQuery);
        page.Is(200, asked.Text("user_code")).Is(200, "TVTVTVTVTV").Is(200, "Test &lt;App&gt;");
        (await browser.SubmitAsync(page, ("decision", "allow"))).Is(200, "connected");
        await server.Server.RestartAsync();

        var session = await PollAsync(server, deviceCode);
        Assert.Equal("@alice:hs TVTVTVTVTV", await server.WhoAsync(session.AccessToken));
        Assert.Equal(200, (await server.RefreshAsync(session.RefreshToken)).Status);
        (await PollAsync(server, deviceCode)).Refused(400, "invalid_grant");
        (await OAuthServer.LogInAsync(browser, $"/_matrix/oauth2/device?user_code={asked.Text("user_code")}"))
            .Is(404, "No device waits");
    }

    [Fact]
    public async Task a_code_is_typed_as_people_type()
    {
        await using var server = await OAuthServer.StartAsync();
        await server.Server.RegisterAsync("alice");
        var asked = (await RequestAsync(server)).Json;
        using var browser = server.NewBrowser();
        (await OAuthServer.LogInAsync(browser, "/_matrix/oauth2/device")).Is(200, "Type the code");
        (await browser.GetAsync("/_matrix/oauth2/device?user_code=AAAA-AAAA")).Is(404, "No device waits");
        (await browser.GetAsync("/_matrix/oauth2/device?user_code=BCDF-GHJK")).Is(404, "No device waits");
        var typed = asked.Text("user_code").ToLowerInvariant().Replace("-", " ", StringComparison.Ordinal);
        var page = await browser.GetAsync($"/_matrix/oauth2/device?user_code={Uri.EscapeDataString(typed)}");
        (await browser.SubmitAsync(page, ("decision", "deny"))).Is(200, "refused");
        (await PollAsync(server, asked.Text("device_code"))).Refused(400, "access_denied");
        (await browser.SubmitAsync(page, ("decision", "allow"))).Is(404, "No device waits");
        (await PollAsync(server, asked.Text("device_code"))).Refused(400, "access_denied");
    }

    [Fact]
    public async Task a_code_expires()
    {
        await using var server = await OAuthServer.StartAsync(time: new FakeTimeProvider());
        await server.Server.RegisterAsync("alice");
        var asked = (await RequestAsync(server)).Json;
        (await PollAsync(server, asked.Text("device_code"))).Refused(400, "authorization_pending");
        server.Time!.Advance(TimeSpan.FromSeconds(5));
        (await PollAsync(server, asked.Text("device_code"))).Refused(400, "authorization_pending");
        server.Time!.Advance(TimeSpan.FromMinutes(31));
        (await PollAsync(server, asked.Text("device_code"))).Refused(400, "expired_token");
        using var browser = server.NewBrowser();
        (await OAuthServer.LogInAsync(browser, $"/_matrix/oauth2/device?user_code={asked.Text("user_code")}")).Is(404, "No device waits");
    }

    [Fact]
    public async Task what_is_wrong_is_refused()
    {
        await using var server = await OAuthServer.StartAsync();
        var browserOnly = (await server.RegisterClientAsync(
            """{"client_uri":"https://other.org/","redirect_uris":["https://other.org/"]}""")).Text("client_id");
        (await server.PostAsync("device_authorization", ("scope", Scope))).Refused(400, "invalid_request");
        (await server.PostAsync("device_authorization", ("client_id", "x"), ("scope", Scope))).Refused(401, "invalid_client");
        (await server.PostAsync("device_authorization", ("client_id", browserOnly), ("scope", Scope)))
            .Refused(400, "unauthorized_client");
        (await server.PostAsync("device_authorization", ("client_id", server.ClientId), ("scope", "a"))).Refused(400, "invalid_scope");
        var code = (await RequestAsync(server)).Json.Text("device_code");
        (await PollAsync(server, code + "x")).Refused(400, "invalid_grant");
        (await PollAsync(server, code[..8])).Refused(400, "invalid_grant");
        (await PollAsync(server, code[..9] + new string('a', 43))).Refused(400, "invalid_grant");
        (await server.TokenAsync(("grant_type", OAuthServer.DeviceGrant), ("client_id", server.ClientId)))
            .Refused(400, "invalid_request");
        (await PollAsync(server, code, browserOnly)).Refused(400, "unauthorized_client");
    }

    private static Task<OAuthReply> RequestAsync(OAuthServer server) =>
        server.PostAsync("device_authorization", ("client_id", server.ClientId), ("scope", Scope));

    private static Task<OAuthReply> PollAsync(OAuthServer server, string deviceCode, string? clientId = null) =>
        server.TokenAsync(
            ("grant_type", OAuthServer.DeviceGrant),
            ("device_code", deviceCode),
            ("client_id", clientId ?? server.ClientId));
}
