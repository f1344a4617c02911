using Matrix.EventSourced.Kit.Hosting;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.Tests.Account;

public sealed class Pages_of_the_browser
{
    [Fact]
    public async Task a_stage_is_passed_on_a_page()
    {
        await using var server = await TestHomeserver.StartAsync();
        const string wanted = """{"username":"alice","password":"secret"}""";
        var session = (await server.SendAsync("POST", "register", null, wanted)).Json.Text("session");
        var path = $"auth/m.login.dummy/fallback/web?session={session}";
        var page = await server.SendAsync("GET", path);
        Assert.Equal(200, page.Status);
        Assert.Contains("window.onAuthDone", page.Text, StringComparison.Ordinal);
        Assert.Contains("window.opener.postMessage(\"authDone\", \"*\")", page.Text, StringComparison.Ordinal);
        (await server.SendAsync("POST", path, null, "{}")).Ok();
        (await server.SendAsync("POST", path, null, "{}")).Refused(404, ErrCodes.NotFound);
        var made = (await server.SendAsync("POST", "register", null, $$$"""{"auth":{"session":"{{{session}}}"}}""")).Ok();
        Assert.Equal("@alice:hs", made.Text("user_id"));

        var alice = new TestUser(server, "@alice:hs", made.Text("access_token"), made.Text("device_id"));
        session = (await alice.PostAsync("account/deactivate")).Json.Text("session");
        path = $"auth/m.login.password/fallback/web?session={session}";
        Assert.Contains("type=\"password\"", (await server.SendAsync("GET", path)).Text, StringComparison.Ordinal);
        (await server.SendAsync("POST", path, null, """{"user":"alice","password":"wrong"}""")).Refused(403, ErrCodes.Forbidden);
        (await server.SendAsync("POST", path, null, """{"user":"alice","password":"secret"}""")).Ok();
        (await alice.PostAsync("account/deactivate", $$$"""{"auth":{"session":"{{{session}}}"}}""")).Ok();
    }

    [Theory]
    [InlineData("auth/m.login.dummy/fallback/web", 400, ErrCodes.MissingParam)]
    [InlineData("auth/m.login.dummy/fallback/web?session=none", 404, ErrCodes.NotFound)]
    [InlineData("auth/m.login.unheard_of/fallback/web?session=none", 404, ErrCodes.NotFound)]
    public async Task no_page_is_shown_for_nothing(string path, int status, string errCode)
    {
        await using var server = await TestHomeserver.StartAsync();
        (await server.SendAsync("GET", path)).Refused(status, errCode);
        (await server.SendAsync("POST", path, null, "{}")).Refused(status, errCode);
    }

    [Fact]
    public async Task the_login_page_calls_its_client()
    {
        await using var server = await TestHomeserver.StartAsync();
        var page = await server.SendAsync("GET", "/_matrix/static/client/login/?device_id=%3Cb%3E");
        Assert.Equal(200, page.Status);
        Assert.Contains("window.matrixLogin.onLogin(json)", page.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("<b>", page.Text, StringComparison.Ordinal);
    }
}
