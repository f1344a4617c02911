using System.Text.Json.Nodes;
using Matrix.EventSourced.Api.Configuration;
using Matrix.EventSourced.Kit.Hosting;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.Tests.Sso;

public sealed class Logging_in_elsewhere
{
    [Fact]
    public async Task somebody_new_gets_an_account_and_comes_back_to_it()
    {
        await using var server = await SsoServer.StartAsync();
        using var browser = server.NewBrowser();
        var page = await server.ComeBackAsync(browser, SsoServer.Redirect());
        page.Is(200, "https://client.example.org").Is(200, "@carol:hs");
        var back = await browser.SubmitAsync(page);
        Assert.StartsWith("https://client.example.org/?a=1&loginToken=", back.Location, StringComparison.Ordinal);
        Assert.EndsWith("#top", back.Location, StringComparison.Ordinal);
        Assert.DoesNotContain("old", back.Location, StringComparison.Ordinal);
        var token = back.Location!.Split("loginToken=")[1].Split('#')[0];
        var carol = await server.UseAsync(token);
        Assert.Equal("@carol:hs", carol.UserId);
        Assert.Equal("Carol <C>", (await carol.GetAsync("profile/%40carol%3Ahs")).Ok().Text("displayname"));
        Assert.Equal(403, (await server.Server.SendAsync(
            "POST", "login", null, $$"""{"type":"m.login.token","token":"{{token}}"}""")).Status);
        Assert.Empty(server.Provider.Problems);

        await server.Server.RestartWithoutDatabaseAsync();
        server.Provider.Claims["preferred_username"] = "somebody_else";
        Assert.Equal("@carol:hs", (await server.LogInAsync()).UserId);
    }

    [Fact]
    public async Task the_flows_list_the_provider()
    {
        await using var server = await SsoServer.StartAsync();
        var flow = (await server.Server.SendAsync("GET", "login")).Ok().GetProperty("flows")[0];
        Assert.Equal(
            """{"type":"m.login.sso","identity_providers":[{"id":"example","name":"Ex & Co","brand":"example"}]}""",
            flow.GetRawText());
        await using var both = await SsoServer.StartAsync(oauth: OAuthMode.On);
        flow = (await both.Server.SendAsync("GET", "login")).Ok().GetProperty("flows")[0];
        Assert.True(flow.GetProperty("oauth_aware_preferred").GetBoolean());
        await using var none = await TestHomeserver.StartAsync();
        Assert.Equal(404, (await none.SendAsync("GET", "login/sso/redirect?redirectUrl=https%3A%2F%2Fa.org%2F")).Status);
    }

    [Fact]
    public async Task without_a_choice_one_is_led_straight_to_the_provider()
    {
        await using var server = await SsoServer.StartAsync();
        using var browser = server.NewBrowser();
        (await server.ComeBackAsync(browser, SsoServer.Redirect(provider: null))).Is(200, "Go on to your app?");
        await using var both = await SsoServer.StartAsync(oauth: OAuthMode.On);
        using var other = both.NewBrowser();
        (await other.VisitAsync(SsoServer.Redirect(provider: null))).Is(200, "Continue\nwith Ex &amp; Co");
        (await other.VisitAsync(SsoServer.Redirect(provider: null) + "&action=register")).Is(200, "Create an account");
    }

    [Fact]
    public async Task a_name_that_is_taken_or_missing_is_chosen()
    {
        await using var server = await SsoServer.StartAsync();
        var carol = await server.Server.RegisterAsync("carol");
        using var browser = server.NewBrowser();
        var page = (await server.ComeBackAsync(browser, SsoServer.Redirect())).Is(200, "Choose your user name");
        (await browser.SubmitAsync(page, ("user", "carol"))).Is(400, "taken");
        (await browser.SubmitAsync(page, ("user", "c a"))).Is(400, "may only hold");
        var chosen = await browser.SubmitAsync(page, ("user", "carol2"));
        page = (await browser.VisitAsync(chosen.Location!)).Is(200, "@carol2:hs");
        Assert.Equal("@carol2:hs", (await server.LogInAsync()).UserId);
        Assert.Equal(200, (await carol.GetAsync("account/whoami")).Status);

        server.Provider.Claims = new JsonObject { ["sub"] = "2" };
        using var another = server.NewBrowser();
        (await server.ComeBackAsync(another, SsoServer.Redirect())).Is(200, "Choose your user name");
    }

    [Fact]
    public async Task existing_users_are_taken_only_where_the_administrator_says_so()
    {
        await using var server = await SsoServer.StartAsync("take_existing_users: true\nregister_users: false");
        await server.Server.RegisterAsync("carol");
        Assert.Equal("@carol:hs", (await server.LogInAsync()).UserId);
        // Their password still works.
        (await server.Server.SendAsync("POST", "login", null,
            """{"type":"m.login.password","identifier":{"type":"m.id.user","user":"carol"},"password":"secret"}""")).Ok();
        server.Provider.Claims = new JsonObject { ["sub"] = "2", ["preferred_username"] = "nobody" };
        using var browser = server.NewBrowser();
        (await server.ComeBackAsync(browser, SsoServer.Redirect())).Is(403, "no account on this server");
    }

    [Fact]
    public async Task a_closed_account_stays_closed()
    {
        await using var server = await SsoServer.StartAsync();
        using var browser = server.NewBrowser();
        var carol = await server.LogInAsync(browser);
        var session = (await carol.PostAsync("account/deactivate")).Json;
        Assert.Equal("m.login.sso", session.GetProperty("flows")[0].GetProperty("stages")[0].GetString());
        var stage = $"/_matrix/client/v3/auth/m.login.sso/fallback/web?session={session.Text("session")}";
        (await browser.GetAsync(stage)).Is(200, "If you did not expect this");
        var done = await server.ComeBackAsync(
            browser, $"/_matrix/oauth2/upstream/example?uia={session.Text("session")}");
        done.Is(200, "window.onAuthDone");
        Assert.Contains("script-src 'sha256-", done.Headers["Content-Security-Policy"], StringComparison.Ordinal);
        (await carol.PostAsync("account/deactivate", $$$"""{"auth":{"session":"{{{session.Text("session")}}}"}}""")).Ok();
        using var again = server.NewBrowser();
        (await server.ComeBackAsync(again, SsoServer.Redirect())).Is(403, "deactivated");
    }

    [Fact]
    public async Task somebody_else_cannot_speak_for_a_user()
    {
        await using var server = await SsoServer.StartAsync();
        using var browser = server.NewBrowser();
        var carol = await server.LogInAsync(browser);
        var session = (await carol.PostAsync("account/deactivate")).Json.Text("session");
        server.Provider.Claims = new JsonObject { ["sub"] = "2", ["preferred_username"] = "mallory" };
        (await server.ComeBackAsync(browser, $"/_matrix/oauth2/upstream/example?uia={session}")).Is(403, "whose account this is not");
        await server.LogInAsync();
        (await server.ComeBackAsync(browser, $"/_matrix/oauth2/upstream/example?uia={session}")).Is(403, "whose account this is not");
        var body = $$$"""{"auth":{"session":"{{{session}}}"}}""";
        Assert.Equal(401, (await carol.PostAsync("account/deactivate", body)).Status);
        Assert.Equal(401, (await carol.PostAsync(
            "account/deactivate", $$$"""{"auth":{"type":"m.login.sso","session":"{{{session}}}"}}""")).Status);
        Assert.Equal(400, (await browser.GetAsync("/_matrix/oauth2/upstream/example?uia=none")).Status);
    }

    [Fact]
    public async Task a_known_client_is_not_asked_about()
    {
        await using var server = await SsoServer.StartAsync(known: ["https://client.example.org/"]);
        using var browser = server.NewBrowser();
        var back = await server.ComeBackAsync(browser, SsoServer.Redirect());
        Assert.Equal(303, back.Status);
        Assert.StartsWith("https://client.example.org/?a=1&loginToken=", back.Location, StringComparison.Ordinal);
        (await browser.VisitAsync("/_matrix/oauth2/sso?redirectUrl=https%3A%2F%2Fclient.example.org.evil.com%2F")).Is(200, "evil.com");
    }

    [Theory]
    [InlineData("javascript:alert(1)")]
    [InlineData("data:text/html,x")]
    [InlineData("https://user:pass@a.org/")]
    [InlineData("https://a.org/\"><b>")]
    [InlineData("https://a.org\\@b.org/")]
    [InlineData("/relative")]
    [InlineData("")]
    public async Task a_client_is_somewhere(string client)
    {
        await using var server = await SsoServer.StartAsync();
        using var browser = server.NewBrowser();
        Assert.Equal((400, null), await Seen(SsoServer.Redirect(client)));
        Assert.Equal((400, null), await Seen(SsoServer.Redirect(client, null)));
        Assert.Equal((400, null), await Seen("/_matrix/client/v3/login/sso/redirect"));
        Assert.Equal((400, null), await Seen($"/_matrix/oauth2/sso?redirectUrl={Uri.EscapeDataString(client)}"));
        Assert.Equal(404, (await browser.GetAsync(SsoServer.Redirect(provider: "nobody"))).Status);
        Assert.Equal(404, (await browser.GetAsync("/_matrix/oauth2/upstream/nobody")).Status);

        async Task<(int Status, string? Location)> Seen(string path)
        {
            var page = await browser.GetAsync(path);
            return (page.Status, page.Location);
        }
    }

    [Fact]
    public async Task a_user_of_a_provider_uses_the_oauth_api_too()
    {
        await using var server = await SsoServer.StartAsync(oauth: OAuthMode.On);
        using var browser = server.NewBrowser();
        await server.ComeBackAsync(browser, "/_matrix/oauth2/upstream/example?next=/_matrix/oauth2/account?action=password");
        var page = await browser.GetAsync("/_matrix/oauth2/account?action=password");
        Assert.DoesNotContain("Your password", page.Text, StringComparison.Ordinal);
        Assert.Equal(303, (await browser.SubmitAsync(page, ("new", "n"), ("again", "n"))).Status);
        (await server.Server.SendAsync("POST", "login", null,
            """{"type":"m.login.password","identifier":{"type":"m.id.user","user":"carol"},"password":"n"}""")).Ok();
    }

    [Fact]
    public async Task a_session_of_single_sign_on_gives_login_tokens()
    {
        await using var server = await SsoServer.StartAsync();
        var carol = await server.LogInAsync();
        var challenge = await carol.PostAsync("/_matrix/client/v1/login/get_token");
        Assert.Equal(401, challenge.Status);
        (await server.Server.SendAsync("GET", "auth/m.login.sso/fallback/web?session=none")).Refused(404, ErrCodes.NotFound);
    }
}
