using Matrix.EventSourced.Kit.Hosting;
using Matrix.EventSourced.Protocol.Errors;
using Microsoft.Extensions.Time.Testing;

namespace Matrix.EventSourced.Api.Tests.OAuth;

public sealed class Sessions_of_clients
{
    [Fact]
    public async Task an_answer_that_got_lost_is_asked_for_again()
    {
        await using var server = await OAuthServer.StartAsync();
        await server.Server.RegisterAsync("alice");
        var first = await server.SessionAsync();
        var lost = await server.RefreshAsync(first.RefreshToken);
        var again = await server.RefreshAsync(first.RefreshToken);
        Assert.Equal(200, again.Status);
        Assert.Null(await server.WhoAsync(lost.AccessToken));
        Assert.NotNull(await server.WhoAsync(again.AccessToken));
    }

    [Fact]
    public async Task a_refresh_token_that_was_replaced_ends_the_session()
    {
        await using var server = await OAuthServer.StartAsync();
        await server.Server.RegisterAsync("alice");
        var first = await server.SessionAsync();
        var second = await server.RefreshAsync(first.RefreshToken);
        // The first use of what is new ends what was before.
        Assert.NotNull(await server.WhoAsync(second.AccessToken));
        (await server.RefreshAsync(first.RefreshToken)).Refused(400, "invalid_grant");
        Assert.Null(await server.WhoAsync(second.AccessToken));
        (await server.RefreshAsync(second.RefreshToken)).Refused(400, "invalid_grant");
        // Nothing is left of the device.
        var alice = (await server.Server.SendAsync("POST", "login", null,
            """{"type":"m.login.password","identifier":{"type":"m.id.user","user":"alice"},"password":"secret"}""")).Ok();
        var devices = (await server.Server.SendAsync("GET", "devices", alice.Text("access_token"))).Ok().GetProperty("devices");
        Assert.DoesNotContain("AAABBBCCCDDD", devices.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task a_refresh_token_is_good_for_its_client_and_its_api_alone()
    {
        await using var server = await OAuthServer.StartAsync();
        await server.Server.RegisterAsync("alice");
        var session = await server.SessionAsync();
        var other = (await server.RegisterClientAsync(
            """{"client_uri":"https://other.org/","redirect_uris":["https://other.org/"]}""")).Text("client_id");
        (await server.RefreshAsync(session.RefreshToken, other)).Refused(400, "invalid_grant");
        (await server.RefreshAsync("made.up")).Refused(400, "invalid_grant");
        (await server.RefreshAsync("made-up")).Refused(400, "invalid_grant");
        (await server.Server.SendAsync("POST", "refresh", null, $$"""{"refresh_token":"{{session.RefreshToken}}"}"""))
            .Refused(401, ErrCodes.UnknownToken);
        var legacy = (await server.Server.SendAsync("POST", "login", null,
            """
            {"type":"m.login.password","identifier":{"type":"m.id.user","user":"alice"},"password":"secret",
            "refresh_token":true}
            """)).Ok();
        (await server.RefreshAsync(legacy.Text("refresh_token"))).Refused(400, "invalid_grant");
        Assert.Equal(200, (await server.RefreshAsync(session.RefreshToken)).Status);
    }

    [Fact]
    public async Task an_access_token_expires_softly()
    {
        await using var server = await OAuthServer.StartAsync(time: new FakeTimeProvider());
        await server.Server.RegisterAsync("alice");
        var session = await server.SessionAsync();
        server.Time!.Advance(TimeSpan.FromHours(2));
        var late = await server.Server.SendAsync("GET", "account/whoami", session.AccessToken);
        late.Refused(401, ErrCodes.UnknownToken);
        Assert.True(late.Json.GetProperty("soft_logout").GetBoolean());
        Assert.NotNull(await server.WhoAsync((await server.RefreshAsync(session.RefreshToken)).AccessToken));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task either_token_ends_both(bool byRefreshToken)
    {
        await using var server = await OAuthServer.StartAsync();
        await server.Server.RegisterAsync("alice");
        var session = await server.SessionAsync();
        var token = byRefreshToken ? session.RefreshToken : session.AccessToken;
        (await server.PostAsync("revoke", ("token", token), ("token_type_hint", "id_token"))).Refused(400, "unsupported_token_type");
        (await server.PostAsync("revoke")).Refused(400, "invalid_request");
        // Who found a token need not know the client; a wrong hint does not matter.
        Assert.Equal(200, (await server.PostAsync("revoke", ("token", token), ("token_type_hint", "access_token"))).Status);
        Assert.Equal(200, (await server.PostAsync("revoke", ("token", token), ("client_id", server.ClientId))).Status);
        Assert.Equal(200, (await server.PostAsync("revoke", ("token", "never-was"))).Status);
        Assert.Equal(200, (await server.PostAsync("revoke", ("token", new string('a', 9_999)))).Status);
        Assert.Null(await server.WhoAsync(session.AccessToken));
        (await server.RefreshAsync(session.RefreshToken)).Refused(400, "invalid_grant");
    }

    [Fact]
    public async Task what_needs_a_password_is_done_on_the_account_page()
    {
        await using var server = await OAuthServer.StartAsync();
        await server.Server.RegisterAsync("alice");
        var token = (await server.SessionAsync()).AccessToken;
        foreach (var (method, path, body) in new[]
        {
            ("DELETE", "devices/AAABBBCCCDDD", "{}"),
            ("POST", "delete_devices", """{"devices":["AAABBBCCCDDD"]}"""),
            ("POST", "account/password", """{"new_password":"x"}"""),
            ("POST", "account/deactivate", "{}"),
            ("POST", "/_matrix/client/v1/login/get_token", "{}"),
        })
            (await server.Server.SendAsync(method, path, token, body)).Refused(403, ErrCodes.Forbidden);
        var capabilities = (await server.Server.SendAsync("GET", "capabilities", token)).Ok().GetProperty("capabilities");
        Assert.False(capabilities.GetProperty("m.change_password").GetProperty("enabled").GetBoolean());
        Assert.False(capabilities.GetProperty("m.get_login_token").GetProperty("enabled").GetBoolean());
    }
}
