using System.Text.Json.Nodes;
using Matrix.EventSourced.Api.ClientApi.Sso;
using Matrix.EventSourced.Api.Configuration;
using Matrix.EventSourced.Api.Hosting;
using Matrix.EventSourced.Kit.Hosting;
using Microsoft.Extensions.Time.Testing;

namespace Matrix.EventSourced.Api.Tests.Sso;

public sealed class Providers_that_lie
{
    public static TheoryData<string> Lies => ["issuer", "audience", "expired", "future", "nonce", "no nonce", "no subject", "party",
        "several audiences", "unsigned", "tampered", "shared secret", "no token", "garbage", "no expiry", "refusal"];

    [Theory]
    [MemberData(nameof(Lies))]
    public async Task nobody_gets_in_by_a_token_that_is_not_right(string lie)
    {
        await using var server = await SsoServer.StartAsync();
        var provider = server.Provider;
        var now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        Action<JsonObject, JsonObject> change = lie switch
        {
            "issuer" => (_, claims) => claims["iss"] = "https://evil.com",
            "audience" => (_, claims) => claims["aud"] = "other",
            "expired" => (_, claims) => claims["exp"] = now - 3_600,
            "future" => (_, claims) => claims["nbf"] = now + 3_600,
            "nonce" => (_, claims) => claims["nonce"] = "other",
            "no nonce" => (_, claims) => claims.Remove("nonce"),
            "no subject" => (_, claims) => claims.Remove("sub"),
            "no expiry" => (_, claims) => claims.Remove("exp"),
            "party" => (_, claims) => claims["azp"] = "other",
            "several audiences" => (_, claims) => claims["aud"] = new JsonArray("matrix", "other"),
            "shared secret" => (header, _) => header["alg"] = "HS256",
            _ => static (_, _) => { },
        };
        provider.Change = change;
        provider.Replace = lie switch
        {
            "unsigned" => token =>
            {
                var none = System.Buffers.Text.Base64Url.EncodeToString("""{"alg":"none"}"""u8);
                return $"{none}.{token.Split('.')[1]}.";
            },
            "tampered" => token => token[..^8] + "AAAAAAAA",
            "no token" => _ => null,
            "garbage" => _ => "no.token.at all",
            _ => null,
        };
        if (lie == "refusal")
            provider.TokenStatus = 400;
        using var browser = server.NewBrowser();
        (await server.ComeBackAsync(browser, SsoServer.Redirect())).Is(502, "did not say who you are");
        Assert.DoesNotContain("matrix_login", browser.Cookies.Keys);
        Assert.Equal(404, (await server.Server.SendAsync("GET", "profile/%40carol%3Ahs")).Status);
    }

    [Fact]
    public async Task the_party_may_be_named()
    {
        await using var server = await SsoServer.StartAsync();
        server.Provider.Change = static (_, claims) =>
        {
            claims["aud"] = new JsonArray("matrix", "other");
            claims["azp"] = "matrix";
        };
        Assert.Equal("@carol:hs", (await server.LogInAsync()).UserId);
    }

    [Fact]
    public async Task a_provider_may_change_its_keys()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var server = await SsoServer.StartAsync(time: time);
        await server.LogInAsync();
        server.Provider.ChangeKey("two");
        time.Advance(TimeSpan.FromSeconds(20));
        Assert.Equal("@carol:hs", (await server.LogInAsync()).UserId);
    }

    [Fact]
    public async Task what_the_token_does_not_say_is_asked_for_of_the_same_person_only()
    {
        await using var server = await SsoServer.StartAsync();
        server.Provider.Claims = new JsonObject { ["sub"] = "1" };
        server.Provider.Userinfo = new JsonObject { ["sub"] = "2", ["preferred_username"] = "mallory" };
        using var browser = server.NewBrowser();
        (await server.ComeBackAsync(browser, SsoServer.Redirect())).Is(200, "Choose your user name");
        server.Provider.Userinfo["sub"] = "1";
        server.Provider.Userinfo["preferred_username"] = "Dora@example.org";
        (await server.ComeBackAsync(browser, SsoServer.Redirect())).Is(200, "@dora:hs");
    }

    [Fact]
    public async Task a_provider_without_tokens_of_its_own_is_asked()
    {
        await using var provider = await SmallProvider.StartAsync();
        provider.Claims = new JsonObject { ["id"] = 4711, ["login"] = "octo" };
        await using var server = await SsoServer.StartAsync();
        await File.WriteAllTextAsync(Path.Combine(server.Folder, "two.yaml"), $"""
            id: plain
            authorization_endpoint: {provider.Issuer}/authorize
            token_endpoint: {provider.Issuer}/token
            userinfo_endpoint: {provider.Issuer}/userinfo
            client_id: matrix
            client_secret: shh&
            subject_claim: id
            localpart_claim: login
            """);
        await server.Server.RestartAsync();
        using var browser = server.NewBrowser();
        var away = await browser.VisitAsync(SsoServer.Redirect(provider: "plain"));
        (await browser.VisitAsync(provider.Approve(away.Location!))).Is(200, "@octo:hs");
    }

    [Fact]
    public async Task who_did_not_leave_does_not_come_back()
    {
        await using var server = await SsoServer.StartAsync();
        using var browser = server.NewBrowser();
        var away = await browser.VisitAsync(SsoServer.Redirect());
        var back = server.Provider.Approve(away.Location!);
        using var other = server.NewBrowser();
        (await other.GetAsync(back)).Is(400, "This login is not known");
        // The attempt of the other one used it up.
        (await browser.GetAsync(back)).Is(400, "This login is not known");
        (await browser.GetAsync("/_matrix/oauth2/callback?code=secret&state=made-up")).Is(400, "This login is not known");
        (await browser.GetAsync("/_matrix/oauth2/callback")).Is(400, "This login is not known");
        foreach (var (answer, status) in new[]
        {
            ("error=access_denied", 403), ("error=server_error%3Cb%3E", 502), ("iss=https%3A%2F%2Fevil.com&code=secret", 400), ("x=y", 400),
        })
        {
            away = await browser.VisitAsync(SsoServer.Redirect());
            back = server.Provider.Approve(away.Location!).Replace("code=secret", answer, StringComparison.Ordinal);
            var page = await browser.GetAsync(back);
            Assert.Equal(status, page.Status);
            Assert.DoesNotContain("<b>", page.Text, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task an_address_that_is_denied_is_not_asked()
    {
        await using var provider = await SmallProvider.StartAsync();
        var folder = Directory.CreateTempSubdirectory("mes-sso-").FullName;
        await File.WriteAllTextAsync(Path.Combine(folder, "one.yml"), $"""
            id: example
            issuer: {provider.Issuer}
            client_id: matrix
            client_authentication: none
            """);
        await using var server = await TestHomeserver.StartAsync(new TestHomeserverOptions
        {
            Configure = config => config with { OAuth = new OAuthConfig { ProviderFolder = folder } },
        });
        using var browser = new OAuth.TestBrowser(() => server.Address);
        (await browser.VisitAsync(SsoServer.Redirect())).Is(502, "did not say who you are");
        Directory.Delete(folder, recursive: true);
    }

    [Theory]
    [InlineData("issuer: https://a.org\nclient_id: b\nclient_secret: c", "id: 1 to 255 letters")]
    [InlineData("id: a\nissuer: http://a.org\nclient_id: b\nclient_secret: c", ":2: issuer: an https:// address")]
    [InlineData("id: a\nissuer: https://a.org\nclient_secret: c", "client_id is missing")]
    [InlineData("id: a\nissuer: https://a.org\nclient_id: b", "client_secret is missing")]
    [InlineData("id: a\nclient_id: b\nclient_secret: c", "issuer is missing")]
    [InlineData("id: a\nissuer: https://a.org\nclient_id: b\nclient_secret: c\nscopes: [profile]", "openid must be among them")]
    [InlineData("id: a\nissuer: https://a.org\nclient_id: b\nclient_secret: c\nfoo: bar", ":5: there is no key 'foo'")]
    [InlineData("id: a\nissuer: https://a.org\nclient_id: b\nclient_secret: c\nregister_users: perhaps", "true or false is expected")]
    [InlineData("id: a\nissuer: https://a.org\nclient_id: b\nclient_secret: c\nicon: https://x", "an mxc:// URI is expected")]
    [InlineData("id: a\nissuer: https://a.org\nclient_id: b\nclient_secret: c\nclient_authentication: x", "client_secret_basic")]
    [InlineData("id: a\nissuer: https://a.org\nclient_id: b\nclient_secret_file: none", "client_secret_file:")]
    [InlineData("- a", "an identity provider is expected")]
    [InlineData("{", "this is not YAML")]
    public void a_file_that_is_wrong_keeps_the_server_from_starting(string yaml, string problem)
    {
        var folder = Directory.CreateTempSubdirectory("mes-sso-").FullName;
        File.WriteAllText(Path.Combine(folder, "one.yaml"), yaml);
        var thrown = Assert.Throws<StartException>(() => ProviderFiles.Load(folder));
        Assert.Contains(problem, thrown.Message, StringComparison.Ordinal);
        Directory.Delete(folder, recursive: true);
    }

    [Theory]
    [InlineData("Alice", "alice")]
    [InlineData("alice@example.org", "alice")]
    [InlineData("a b/ü", "a=20b=2f=c3=bc")]
    [InlineData("", null)]
    [InlineData(null, null)]
    public void names_are_mapped(string? given, string? localpart) => Assert.Equal(localpart, UpstreamPages.Localpart(given));
}
