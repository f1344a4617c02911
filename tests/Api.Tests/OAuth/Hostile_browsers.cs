using Matrix.EventSourced.Api.Configuration;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Protocol.Errors;
using Microsoft.Extensions.Time.Testing;

namespace Matrix.EventSourced.Api.Tests.OAuth;

public sealed class Hostile_browsers
{
    [Theory]
    [InlineData("https://evil.com/")]
    [InlineData("//evil.com/")]
    [InlineData("/\\evil.com/")]
    [InlineData("/_matrix/oauth2/../../evil")]
    [InlineData("/_matrix/client/v3/login")]
    [InlineData("/_matrix/oauth2@evil.com")]
    [InlineData("javascript:alert(1)")]
    public async Task a_login_leads_nowhere_else(string next)
    {
        await using var server = await OAuthServer.StartAsync();
        await server.Server.RegisterAsync("alice");
        using var browser = server.NewBrowser();
        var page = await browser.GetAsync("/_matrix/oauth2/login?next=" + Uri.EscapeDataString(next));
        var after = await browser.SubmitAsync(page, ("user", "alice"), ("password", "secret"));
        Assert.Equal((303, "/_matrix/oauth2/account"), (after.Status, after.Location));
    }

    [Fact]
    public async Task a_form_is_taken_from_our_pages_alone()
    {
        await using var server = await OAuthServer.StartAsync();
        await server.Server.RegisterAsync("alice");
        using var browser = server.NewBrowser();
        var consent = await OAuthServer.LogInAsync(browser, server.Request());
        var forged = new Dictionary<string, string> { ["decision"] = "allow", ["user"] = "@alice:hs" };
        (await browser.PostAsync(server.Request(), forged)).Is(403, "Go back");
        forged["form_token"] = new string('a', 43);
        Assert.Equal(403, (await browser.PostAsync(server.Request(), forged)).Status);
        // A form of somebody else's browser.
        using var other = server.NewBrowser();
        var theirs = await other.GetAsync("/_matrix/oauth2/login");
        Assert.Equal(403, (await browser.SubmitAsync(theirs, ("user", "alice"), ("password", "secret"))).Status);
        browser.Forget("matrix_browser");
        Assert.Equal(403, (await browser.SubmitAsync(consent, ("decision", "allow"))).Status);
    }

    [Fact]
    public async Task a_consent_is_of_the_user_who_saw_it()
    {
        await using var server = await OAuthServer.StartAsync();
        await server.Server.RegisterAsync("alice");
        await server.Server.RegisterAsync("bob");
        using var browser = server.NewBrowser();
        var consent = await OAuthServer.LogInAsync(browser, server.Request());
        var login = await browser.GetAsync("/_matrix/oauth2/login");
        await browser.SubmitAsync(login, ("user", "bob"), ("password", "secret"));
        var after = await browser.SubmitAsync(consent, ("decision", "allow"));
        Assert.StartsWith("/_matrix/oauth2/login?next=", after.Location, StringComparison.Ordinal);
        browser.Forget("matrix_login");
        Assert.StartsWith(
            "/_matrix/oauth2/login?next=",
            (await browser.SubmitAsync(consent, ("decision", "allow"))).Location,
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task pages_are_kept_from_frames_caches_and_other_sites()
    {
        await using var server = await OAuthServer.StartAsync(config => config with { PublicBaseUrl = "https://hs.test/m" });
        await server.Server.RegisterAsync("alice");
        using var browser = server.NewBrowser();
        var page = await browser.GetAsync("/_matrix/oauth2/login?next=/_matrix/oauth2/account%22%3E%3Cb%3E");
        Assert.Equal("no-store", page.Headers["Cache-Control"]);
        Assert.Equal("DENY", page.Headers["X-Frame-Options"]);
        Assert.Contains("frame-ancestors 'none'", page.Headers["Content-Security-Policy"], StringComparison.Ordinal);
        Assert.DoesNotContain("script-src", page.Headers["Content-Security-Policy"], StringComparison.Ordinal);
        Assert.False(page.Headers.ContainsKey("Access-Control-Allow-Origin"));
        Assert.DoesNotContain("<b>", page.Text, StringComparison.Ordinal);
        // A form leads to where the page is for its browser.
        Assert.Contains("action=\"/m/_matrix/oauth2/login?next=", page.Text, StringComparison.Ordinal);
        Assert.Equal(["__Host-matrix_browser"], browser.Cookies.Keys);
        var failed = await browser.GetAsync("/_matrix/oauth2/authorize?client_id=%3Cb%3E");
        Assert.Equal(400, failed.Status);
        Assert.StartsWith("text/html", failed.Headers["Content-Type"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task passwords_are_guessed_slowly()
    {
        await using var server = await OAuthServer.StartAsync(
            config => config with
            {
                RateLimits = new RateLimits(
                    true, new Dictionary<RateClass, RateLimit> { [RateClass.Login] = new(0.1, 4) }),
            },
            new FakeTimeProvider());
        await server.Server.RegisterAsync("alice");
        using var browser = server.NewBrowser();
        var page = await browser.GetAsync("/_matrix/oauth2/login");
        ShownPage answer;
        do
            answer = await browser.SubmitAsync(page, ("user", "alice"), ("password", "wrong"));
        while (answer.Status == 403);
        answer.Is(429, "Too many requests");
        Assert.StartsWith("text/html", answer.Headers["Content-Type"], StringComparison.Ordinal);
        Assert.True(answer.Headers.ContainsKey("Retry-After"));
    }

    [Fact]
    public async Task a_locked_user_is_out_and_a_session_ends_after_an_hour()
    {
        await using var server = await OAuthServer.StartAsync(time: new FakeTimeProvider());
        await server.Server.RegisterAsync("alice");
        using var browser = server.NewBrowser();
        await OAuthServer.LogInAsync(browser, "/_matrix/oauth2/account");
        server.Time!.Advance(TimeSpan.FromMinutes(61));
        Assert.Equal(303, (await browser.GetAsync("/_matrix/oauth2/account")).Status);
        var page = await OAuthServer.LogInAsync(browser, "/_matrix/oauth2/account");
        page.Is(200, "@alice:hs");
        var secret = browser.Cookies["matrix_login"];
        var out1 = await browser.PostAsync(
            "/_matrix/oauth2/logout", [new("form_token", "wrong")]);
        Assert.Equal(403, out1.Status);
        Assert.Equal(secret, browser.Cookies["matrix_login"]);
    }

    [Theory]
    [InlineData("client_id=%ff", 400)]
    [InlineData("client_id=%00", 400)]
    [InlineData("client_id=a%2", 400)]
    public async Task bad_encoding_is_refused(string query, int status)
    {
        await using var server = await OAuthServer.StartAsync();
        using var browser = server.NewBrowser();
        Assert.Equal(status, (await browser.GetAsync("/_matrix/oauth2/authorize?" + query)).Status);
        using var content = new StringContent(query, null, "application/x-www-form-urlencoded");
        (await server.PostAsync("token", content)).Refused(400, "invalid_request");
    }
}
