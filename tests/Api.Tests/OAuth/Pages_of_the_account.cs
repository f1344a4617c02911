using Matrix.EventSourced.Kit.Hosting;
using Matrix.EventSourced.Protocol.Errors;
using Microsoft.Extensions.Time.Testing;

namespace Matrix.EventSourced.Api.Tests.OAuth;

public sealed class Pages_of_the_account
{
    private const string Account = "/_matrix/oauth2/account";

    private static readonly string Key = Convert.ToBase64String(new byte[32]).TrimEnd('=');

    [Fact]
    public async Task a_device_is_logged_out()
    {
        await using var server = await OAuthServer.StartAsync();
        var alice = await server.Server.RegisterAsync("alice");
        var session = await server.SessionAsync();
        using var browser = server.NewBrowser();
        var list = await OAuthServer.LogInAsync(browser, Account + "?action=org.matrix.devices_list");
        list.Is(200, "AAABBBCCCDDD").Is(200, alice.DeviceId).Is(200, "</code>, last used 20");
        // The names of before the spec had them still work.
        (await browser.GetAsync(Account + "?action=org.matrix.sessions_list")).Is(200, "AAABBBCCCDDD");
        (await browser.GetAsync(Account + "?action=org.matrix.device_view&device_id=AAABBBCCCDDD")).Is(200, "Test &lt;App&gt;")
            .Is(200, "<dt>From</dt><dd>127.0.0.1</dd>");
        var page = await browser.GetAsync(Account + "?action=org.matrix.device_delete&device_id=AAABBBCCCDDD");
        Assert.Equal(303, (await browser.SubmitAsync(page)).Status);
        Assert.Null(await server.WhoAsync(session.AccessToken));
        Assert.NotNull(await server.WhoAsync(alice.Token));
        (await browser.GetAsync(Account + "?action=org.matrix.device_view&device_id=AAABBBCCCDDD")).Is(404, "no such device");
        (await browser.GetAsync(Account + "?action=org.matrix.device_view")).Is(200, alice.DeviceId);
        (await browser.GetAsync(Account + "?action=unheard.of")).Is(200, "<h1>Profile</h1>");
    }

    [Fact]
    public async Task a_profile_is_changed_and_shown_as_it_was_typed()
    {
        await using var server = await OAuthServer.StartAsync();
        var alice = await server.Server.RegisterAsync("alice");
        using var browser = server.NewBrowser();
        var page = await OAuthServer.LogInAsync(browser, Account + "?action=org.matrix.profile");
        var saved = await browser.SubmitAsync(page, ("displayname", "\"><script>alert(1)</script> Ä"));
        page = (await browser.VisitAsync(saved.Location!)).Is(200, "Saved.");
        Assert.DoesNotContain("<script>", page.Text, StringComparison.Ordinal);
        var profile = (await alice.GetAsync("profile/%40alice%3Ahs")).Ok();
        Assert.Equal("\"><script>alert(1)</script> Ä", profile.Text("displayname"));
        await browser.SubmitAsync(page, ("displayname", " "));
        Assert.False((await alice.GetAsync("profile/%40alice%3Ahs")).Ok().TryGetProperty("displayname", out _));
        page = await browser.SubmitAsync(page, ("displayname", new string('x', 2_000)));
        Assert.Equal(400, page.Status);
    }

    [Fact]
    public async Task a_new_password_ends_other_browsers_and_if_wished_all_devices()
    {
        await using var server = await OAuthServer.StartAsync();
        var alice = await server.Server.RegisterAsync("alice");
        using var other = server.NewBrowser();
        await OAuthServer.LogInAsync(other, Account);
        using var browser = server.NewBrowser();
        var page = await OAuthServer.LogInAsync(browser, Account + "?action=password");
        (await browser.SubmitAsync(page, ("current", "wrong"), ("new", "n"), ("again", "n"))).Is(403, "not your password");
        (await browser.SubmitAsync(page, ("current", "secret"), ("new", "n"), ("again", "m"))).Is(400, "not the same");
        (await browser.SubmitAsync(page, ("current", "secret"))).Is(400, "must not be empty");
        Assert.Equal(303, (await browser.SubmitAsync(page, ("current", "secret"), ("new", "n"), ("again", "n"))).Status);
        (await browser.GetAsync(Account)).Is(200, "@alice:hs");
        Assert.Equal(303, (await other.GetAsync(Account)).Status);
        Assert.NotNull(await server.WhoAsync(alice.Token));
        page = await browser.GetAsync(Account + "?action=password");
        await browser.SubmitAsync(page, ("current", "n"), ("new", "o"), ("again", "o"), ("end_sessions", "1"));
        Assert.Null(await server.WhoAsync(alice.Token));
    }

    [Fact]
    public async Task an_account_is_closed()
    {
        await using var server = await OAuthServer.StartAsync();
        var alice = await server.Server.RegisterAsync("alice");
        using var browser = server.NewBrowser();
        var page = await OAuthServer.LogInAsync(browser, Account + "?action=org.matrix.account_deactivate");
        (await browser.SubmitAsync(page, ("sure", "1"))).Is(403, "not your password");
        (await browser.SubmitAsync(page, ("current", "secret"))).Is(400, "sure");
        (await browser.SubmitAsync(page, ("current", "secret"), ("sure", "1"))).Is(200, "no more");
        Assert.Null(await server.WhoAsync(alice.Token));
        var login = await browser.VisitAsync(Account);
        (await browser.SubmitAsync(login, ("user", "alice"), ("password", "secret"))).Is(403, "deactivated");
    }

    [Fact]
    public async Task keys_are_replaced_once_the_user_has_allowed_it()
    {
        await using var server = await OAuthServer.StartAsync();
        await server.Server.RegisterAsync("alice");
        var token = (await server.SessionAsync()).AccessToken;
        (await UploadAsync(server, token, MasterKey('A'))).Ok();
        var refused = await UploadAsync(server, token, MasterKey('B'));
        Assert.Equal(401, refused.Status);
        Assert.Equal("m.oauth", refused.Json.GetProperty("flows")[0].GetProperty("stages")[0].GetString());
        var url = refused.Json.GetProperty("params").GetProperty("m.oauth").Text("url");
        Assert.Equal("http://hs/_matrix/oauth2/account?action=org.matrix.cross_signing_reset", url);
        var session = $$$"""{"auth":{"session":"{{{refused.Json.Text("session")}}}"}}""";
        Assert.Equal(401, (await UploadAsync(server, token, session)).Status);

        using var browser = server.NewBrowser();
        var page = await OAuthServer.LogInAsync(browser, new Uri(url).PathAndQuery);
        (await browser.SubmitAsync(page, ("current", "wrong"))).Is(403, "not your password");
        Assert.Equal(401, (await UploadAsync(server, token, session)).Status);
        (await browser.SubmitAsync(page, ("current", "secret"))).Is(200, "may be reset");
        (await UploadAsync(server, token, session)).Ok();
        // Once: another replacement is allowed anew.
        Assert.Equal(401, (await UploadAsync(server, token, MasterKey('C'))).Status);
        // Clients from before the spec had it repeat the bare request.
        (await browser.SubmitAsync(page, ("current", "secret"))).Is(200, "may be reset");
        (await UploadAsync(server, token, MasterKey('C'))).Ok();
    }

    [Fact]
    public async Task nobody_else_and_no_legacy_session_profits_from_it()
    {
        await using var server = await OAuthServer.StartAsync(time: new FakeTimeProvider());
        var alice = await server.Server.RegisterAsync("alice");
        await server.Server.RegisterAsync("bob");
        var bob = (await server.SessionAsync("BBBBBBBBBB", "bob")).AccessToken;
        var token = (await server.SessionAsync()).AccessToken;
        (await UploadAsync(server, token, MasterKey('A'))).Ok();
        (await UploadAsync(server, bob, MasterKey('A', "bob"))).Ok();
        using var browser = server.NewBrowser();
        var page = await OAuthServer.LogInAsync(browser, Account + "?action=org.matrix.cross_signing_reset");
        (await browser.SubmitAsync(page, ("current", "secret"))).Is(200, "may be reset");
        Assert.Equal(401, (await UploadAsync(server, bob, MasterKey('B', "bob"))).Status);
        Assert.Equal(401, (await UploadAsync(server, alice.Token, MasterKey('B'))).Status);
        server.Time!.Advance(TimeSpan.FromMinutes(11));
        Assert.Equal(401, (await UploadAsync(server, token, MasterKey('B'))).Status);
    }

    private static Task<Reply> UploadAsync(OAuthServer server, string token, string body) =>
        server.Server.SendAsync("POST", "keys/device_signing/upload", token, body);

    private static string MasterKey(char first, string user = "alice")
    {
        var key = first + Key[1..];
        return $$$$"""
            {"master_key":{"user_id":"@{{{{user}}}}:hs","usage":["master"],"keys":{"ed25519:{{{{key}}}}":"{{{{key}}}}"}}}
            """;
    }
}
