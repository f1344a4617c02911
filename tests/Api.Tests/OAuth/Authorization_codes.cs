using Matrix.EventSourced.Api.Configuration;
using Matrix.EventSourced.Kit.Hosting;
using Microsoft.Extensions.Time.Testing;

namespace Matrix.EventSourced.Api.Tests.OAuth;

public sealed class Authorization_codes
{
    [Fact]
    public async Task a_client_is_let_in_and_everything_outlives_a_restart()
    {
        await using var server = await OAuthServer.StartAsync();
        await server.Server.RegisterAsync("alice");
        using var browser = server.NewBrowser();
        var consent = await OAuthServer.LogInAsync(browser, server.Request());
        consent.Is(200, "@alice:hs").Is(200, "AAABBBCCCDDD").Is(200, "Test &lt;App&gt;");
        Assert.DoesNotContain("<App>", consent.Text, StringComparison.Ordinal);
        var back = await browser.SubmitAsync(consent, ("decision", "allow"));
        Assert.StartsWith(OAuthServer.Callback + "#", back.Location, StringComparison.Ordinal);
        Assert.Equal("ewu b&oN9", back.Answer("state"));
        Assert.Equal("http://hs/", back.Answer("iss"));

        // What was promised before a restart holds after it.
        await server.Server.RestartAsync();
        var session = await server.ExchangeAsync(back.Answer("code")!);
        Assert.Equal(200, session.Status);
        Assert.Equal("Bearer", session.Json.Text("token_type"));
        Assert.Equal(3600, session.Json.GetProperty("expires_in").GetInt64());
        Assert.Equal("urn:matrix:client:api:* urn:matrix:client:device:AAABBBCCCDDD", session.Json.Text("scope"));
        Assert.Equal("@alice:hs AAABBBCCCDDD", await server.WhoAsync(session.AccessToken));

        await server.Server.RestartWithoutDatabaseAsync();
        Assert.Equal("@alice:hs AAABBBCCCDDD", await server.WhoAsync(session.AccessToken));
        var refreshed = await server.RefreshAsync(session.RefreshToken);
        Assert.Null(await server.WhoAsync(session.AccessToken));
        Assert.Equal("@alice:hs AAABBBCCCDDD", await server.WhoAsync(refreshed.AccessToken));
    }

    [Fact]
    public async Task a_code_that_comes_again_ends_the_session()
    {
        await using var server = await OAuthServer.StartAsync();
        await server.Server.RegisterAsync("alice");
        var code = await server.CodeAsync();
        var session = await server.ExchangeAsync(code);
        (await server.ExchangeAsync(code)).Refused(400, "invalid_grant");
        Assert.Null(await server.WhoAsync(session.AccessToken));
        (await server.RefreshAsync(session.RefreshToken)).Refused(400, "invalid_grant");
        (await server.ExchangeAsync(code)).Refused(400, "invalid_grant");
    }

    [Fact]
    public async Task a_code_that_comes_twice_at_once_opens_at_most_one_session_and_none_in_the_end()
    {
        await using var server = await OAuthServer.StartAsync();
        await server.Server.RegisterAsync("alice");
        var code = await server.CodeAsync();
        var replies = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => server.ExchangeAsync(code)));
        Assert.True(replies.Count(reply => reply.Status == 200) <= 1);
        foreach (var reply in replies.Where(reply => reply.Status == 200))
            Assert.Null(await server.WhoAsync(reply.AccessToken));
    }

    [Fact]
    public async Task a_code_that_comes_with_something_wrong_opens_nothing_and_is_not_used_up()
    {
        await using var server = await OAuthServer.StartAsync();
        await server.Server.RegisterAsync("alice");
        var other = (await server.RegisterClientAsync(
            """{"client_uri":"https://other.org/","redirect_uris":["https://other.org/"]}""")).Text("client_id");
        var code = await server.CodeAsync();
        (await server.ExchangeAsync(code, clientId: other)).Refused(400, "invalid_grant");
        (await server.ExchangeAsync(code, redirectUri: OAuthServer.Callback + "/")).Refused(400, "invalid_grant");
        (await server.ExchangeAsync(code, verifier: new string('a', 43))).Refused(400, "invalid_grant");
        (await server.ExchangeAsync(code, verifier: "short")).Refused(400, "invalid_grant");
        (await server.ExchangeAsync(code + "x")).Refused(400, "invalid_grant");
        (await server.ExchangeAsync(code, clientId: "nobody")).Refused(401, "invalid_client");
        (await server.TokenAsync(("grant_type", "password"), ("client_id", server.ClientId)))
            .Refused(400, "unsupported_grant_type");
        (await server.TokenAsync(("client_id", server.ClientId))).Refused(400, "invalid_request");
        (await server.TokenAsync(("grant_type", "authorization_code"), ("client_id", server.ClientId)))
            .Refused(400, "invalid_request");
        (await server.TokenAsync(("grant_type", "a"), ("grant_type", "b"), ("client_id", server.ClientId)))
            .Refused(400, "invalid_request");
        using var json = new StringContent("{}");
        (await server.PostAsync("token", json)).Refused(400, "invalid_request");
        Assert.Equal(200, (await server.ExchangeAsync(code)).Status);
    }

    [Fact]
    public async Task a_code_expires()
    {
        await using var server = await OAuthServer.StartAsync(time: new FakeTimeProvider());
        await server.Server.RegisterAsync("alice");
        var code = await server.CodeAsync();
        server.Time!.Advance(TimeSpan.FromMinutes(6));
        (await server.ExchangeAsync(code)).Refused(400, "invalid_grant");
    }

    [Fact]
    public async Task a_device_that_is_named_again_has_one_session()
    {
        await using var server = await OAuthServer.StartAsync();
        var alice = await server.Server.RegisterAsync("alice");
        using var browser = server.NewBrowser();
        var request = server.Request(("scope", $"urn:matrix:client:api:* urn:matrix:client:device:{alice.DeviceId}"));
        var consent = await OAuthServer.LogInAsync(browser, request);
        consent.Is(200, "You have this device already");
        var session = await server.ExchangeAsync((await browser.SubmitAsync(consent, ("decision", "allow"))).Answer("code")!);
        Assert.Equal($"@alice:hs {alice.DeviceId}", await server.WhoAsync(session.AccessToken));
        Assert.Null(await server.WhoAsync(alice.Token));
    }

    [Fact]
    public async Task a_user_may_refuse()
    {
        await using var server = await OAuthServer.StartAsync();
        await server.Server.RegisterAsync("alice");
        using var browser = server.NewBrowser();
        var consent = await OAuthServer.LogInAsync(browser, server.Request(("response_mode", null)));
        var back = await browser.SubmitAsync(consent, ("decision", "deny"));
        Assert.StartsWith(OAuthServer.Callback + "?error=access_denied", back.Location, StringComparison.Ordinal);
        Assert.Null(back.Answer("code"));
    }

    [Theory]
    [InlineData("response_type", "token", "unsupported_response_type")]
    [InlineData("response_type", null, "invalid_request")]
    [InlineData("response_mode", "form_post", "invalid_request")]
    [InlineData("code_challenge", null, "invalid_request")]
    [InlineData("code_challenge", "short", "invalid_request")]
    [InlineData("code_challenge_method", "plain", "invalid_request")]
    [InlineData("code_challenge_method", null, "invalid_request")]
    [InlineData("scope", null, "invalid_scope")]
    [InlineData("scope", "urn:matrix:client:api:*", "invalid_scope")]
    [InlineData("scope", "urn:matrix:client:device:A", "invalid_scope")]
    [InlineData("scope", "urn:matrix:client:api:* urn:matrix:client:device:", "invalid_scope")]
    [InlineData("scope", "urn:matrix:client:api:* urn:matrix:client:device:A urn:matrix:client:device:B", "invalid_scope")]
    [InlineData("scope", "urn:matrix:client:api:* urn:matrix:client:device:A\"", "invalid_scope")]
    [InlineData("prompt", "none", "login_required")]
    [InlineData("request", "x", "request_not_supported")]
    public async Task the_client_is_told_what_is_wrong(string name, string? value, string error)
    {
        await using var server = await OAuthServer.StartAsync();
        using var browser = server.NewBrowser();
        var answer = await browser.GetAsync(server.Request((name, value)));
        Assert.Equal(303, answer.Status);
        Assert.StartsWith(OAuthServer.Callback, answer.Location, StringComparison.Ordinal);
        Assert.Equal((error, "ewu b&oN9"), (answer.Answer("error"), answer.Answer("state")));
    }

    [Theory]
    [InlineData("client_id", "nobody")]
    [InlineData("client_id", null)]
    [InlineData("redirect_uri", null)]
    [InlineData("redirect_uri", "https://evil.com/")]
    [InlineData("redirect_uri", "https://app.example.com/callback/more")]
    [InlineData("redirect_uri", "https://app.example.com/callback?x")]
    public async Task nobody_is_led_to_where_the_client_is_not_known_to_be(string name, string? value)
    {
        await using var server = await OAuthServer.StartAsync();
        using var browser = server.NewBrowser();
        var answer = await browser.GetAsync(server.Request((name, value)));
        Assert.Equal((400, null), (answer.Status, answer.Location));
        Assert.Equal(400, (await browser.GetAsync(server.Request() + "&client_id=twice")).Status);
    }

    [Fact]
    public async Task a_native_client_chooses_its_port()
    {
        await using var server = await OAuthServer.StartAsync();
        var native = (await server.RegisterClientAsync(
            """
            {"client_uri":"https://example.com/","application_type":"native",
            "redirect_uris":["http://127.0.0.1/done","com.example.app:/done"]}
            """)).Text("client_id");
        await server.Server.RegisterAsync("alice");
        foreach (var uri in new[] { "http://127.0.0.1:4711/done", "com.example.app:/done" })
        {
            using var browser = server.NewBrowser();
            var consent = await OAuthServer.LogInAsync(
                browser, server.Request(("client_id", native), ("redirect_uri", uri), ("response_mode", "query")));
            Assert.Contains(
                uri.StartsWith("http", StringComparison.Ordinal) ? "'self' http://127.0.0.1:4711;" : "'self' com.example.app:;",
                consent.Headers["Content-Security-Policy"],
                StringComparison.Ordinal);
            var back = await browser.SubmitAsync(consent, ("decision", "allow"));
            Assert.StartsWith(uri + "?code=", back.Location, StringComparison.Ordinal);
            Assert.Equal(200, (await server.ExchangeAsync(back.Answer("code")!, native, uri)).Status);
        }
        using var other = server.NewBrowser();
        foreach (var uri in new[] { "http://127.0.0.1:4711/other", "http://localhost:1/done", "http://127.0.0.1:0/done", "http://127.0.0.1:x/done" })
            Assert.Equal(400, (await other.GetAsync(server.Request(("client_id", native), ("redirect_uri", uri)))).Status);
    }

    [Fact]
    public async Task somebody_new_registers_on_the_way()
    {
        await using var server = await OAuthServer.StartAsync();
        await server.Server.RegisterAsync("alice");
        using var browser = server.NewBrowser();
        var page = await browser.VisitAsync(server.Request(("prompt", "create")));
        page.Is(200, "Create an account");
        page = await browser.SubmitAsync(page, ("user", "alice"), ("password", "one"), ("again", "one"));
        page.Is(400, "This user name is taken.");
        page = await browser.SubmitAsync(page, ("user", "bob"), ("password", "one"), ("again", "two"));
        page.Is(400, "not the same");
        page = await browser.SubmitAsync(page, ("user", "Böb"), ("password", "one"), ("again", "one"));
        Assert.Equal(400, page.Status);
        page = await browser.SubmitAsync(page, ("user", "bob"), ("password", "one"), ("again", "one"));
        var consent = (await browser.VisitAsync(page.Location!)).Is(200, "@bob:hs");
        var session = await server.ExchangeAsync((await browser.SubmitAsync(consent, ("decision", "allow"))).Answer("code")!);
        Assert.Equal("@bob:hs AAABBBCCCDDD", await server.WhoAsync(session.AccessToken));
    }

    [Fact]
    public async Task nobody_registers_where_that_is_closed_and_with_a_token_where_one_is_needed()
    {
        await using var closed = await OAuthServer.StartAsync(config => config with { Registration = new RegistrationConfig() });
        using var browser = closed.NewBrowser();
        (await browser.VisitAsync(closed.Request(("prompt", "create")))).Is(200, "<h1>Log in</h1>");
        Assert.Equal(403, (await browser.GetAsync("/_matrix/oauth2/register")).Status);
        Assert.False((await closed.Server.SendAsync("GET", "/_matrix/client/v1/auth_metadata")).Ok()
            .TryGetProperty("prompt_values_supported", out _));

        await using var server = await OAuthServer.StartAsync(config => config with
        {
            Registration = new RegistrationConfig { Mode = RegistrationMode.Token, Tokens = ["open"] },
        });
        using var other = server.NewBrowser();
        var page = await other.VisitAsync(server.Request(("prompt", "create")));
        page = await other.SubmitAsync(page, ("user", "bob"), ("password", "a"), ("again", "a"), ("token", "wrong"));
        page.Is(401, "not valid");
        page = await other.SubmitAsync(page, ("user", "bob"), ("password", "a"), ("again", "a"), ("token", "open"));
        Assert.Equal(303, page.Status);
    }
}
