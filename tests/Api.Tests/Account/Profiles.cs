using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.Tests.Account;

public class Profiles(AccountServer server) : IClassFixture<AccountServer>
{
    [Fact]
    public async Task are_set_and_read_by_anybody()
    {
        var session = await server.RegisterAsync("alice");
        Assert.Equal("{}", (await server.SendAsync("GET", "profile/@alice:hs")).Text);
        await PutAsync(session, "displayname", "\"Alice \\u00e9 \\\"\"", 200);
        await PutAsync(session, "avatar_url", "\"mxc://hs/abc\"", 200);
        await PutAsync(session, "m.tz", "\"Europe/London\"", 200);
        await PutAsync(session, "org.example.custom", "{\"b\":1.50,\"a\":[null,true]}", 200);

        Assert.Equal(
            """
            {"avatar_url":"mxc://hs/abc","displayname":"Alice \u00e9 \"","m.tz":"Europe/London","org.example.custom":{"b":1.50,"a":[null,true]}}
            """.Trim(),
            (await server.SendAsync("GET", "profile/@alice:hs")).Text);
        Assert.Equal(
            "Alice é \"", (await server.SendAsync("GET", "profile/%40alice%3Ahs/displayname")).Get("displayname"));
        Assert.Equal(
            """{"m.tz":"Europe/London"}""", (await server.SendAsync("GET", "profile/@alice:hs/m.tz")).Text);
    }

    [Fact]
    public async Task lose_fields()
    {
        var session = await server.RegisterAsync("loser");
        await PutAsync(session, "displayname", "\"L\"", 200);
        (await server.SendAsync("DELETE", "profile/@loser:hs/displayname", token: session.Token)).Is(200);
        (await server.SendAsync("DELETE", "profile/@loser:hs/displayname", token: session.Token)).Is(200);
        (await server.SendAsync("GET", "profile/@loser:hs/displayname")).Is(404, ErrCodes.NotFound);
        await PutAsync(session, "avatar_url", "\"mxc://a/b\"", 200);
        await PutAsync(session, "avatar_url", "\"\"", 200);
        await PutAsync(session, "displayname", "\"L\"", 200);
        await PutAsync(session, "displayname", "null", 200);
        Assert.Equal("{}", (await server.SendAsync("GET", "profile/@loser:hs")).Text);
    }

    [Theory]
    [InlineData("displayname", "7", 400, ErrCodes.BadJson)]
    [InlineData("avatar_url", "{}", 400, ErrCodes.BadJson)]
    [InlineData("nodot", "1", 400, ErrCodes.InvalidParam)]
    [InlineData("Org.Example", "1", 400, ErrCodes.InvalidParam)]
    [InlineData("org.example.x", "null", 400, ErrCodes.InvalidParam)]
    public async Task refuse_what_is_wrong(string field, string value, int status, string errCode)
    {
        var session = (await server.LogInAsync("errors")).Status == 200
            ? (await server.LogInAsync("errors")).Session()
            : await server.RegisterAsync("errors");
        await PutAsync(session, field, value, status, errCode);
    }

    [Fact]
    public async Task have_sizes()
    {
        var session = await server.RegisterAsync("sizes");
        await PutAsync(session, "displayname", $"\"{new string('x', 1100)}\"", 400, ErrCodes.InvalidParam);
        await PutAsync(session, "a." + new string('k', 254), "1", 400, ErrCodes.KeyTooLarge);
        await PutAsync(session, "a." + new string('k', 253), "1", 200);
        await PutAsync(session, "org.example.big", $"\"{new string('x', 40_000)}\"", 200);
        await PutAsync(session, "org.example.more", $"\"{new string('x', 40_000)}\"", 400, ErrCodes.ProfileTooLarge);
    }

    [Fact]
    public async Task belong_to_their_users()
    {
        var session = await server.RegisterAsync("owner");
        await server.RegisterAsync("other");
        const string body = """{"displayname":"x"}""";
        (await server.SendAsync("PUT", "profile/@other:hs/displayname", body, session.Token)).Is(
            403, ErrCodes.Forbidden);
        (await server.SendAsync("DELETE", "profile/@other:hs/displayname", token: session.Token)).Is(
            403, ErrCodes.Forbidden);
        (await server.SendAsync("PUT", "profile/@owner:hs/displayname", body)).Is(401, ErrCodes.MissingToken);
        (await server.SendAsync("PUT", "profile/owner/displayname", body, session.Token)).Is(
            400, ErrCodes.InvalidParam);
        (await server.SendAsync("PUT", "profile/@owner:hs/displayname", "{}", session.Token)).Is(
            400, ErrCodes.MissingParam);
        (await server.SendAsync("GET", "profile/@nobody:hs")).Is(404, ErrCodes.NotFound);
        (await server.SendAsync("GET", "profile/nobody")).Is(400, ErrCodes.InvalidParam);
        (await server.SendAsync("GET", "profile/@owner:hs/unheard_of")).Is(404, ErrCodes.NotFound);
    }

    private async Task PutAsync(Session session, string field, string value, int status, string? errCode = null) =>
        (await server.SendAsync(
            "PUT", $"profile/{session.UserId}/{field}", $$"""{"{{field}}":{{value}}}""", session.Token))
            .Is(status, errCode);
}
