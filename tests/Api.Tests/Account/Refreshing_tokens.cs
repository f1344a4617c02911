using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.Tests.Account;

public class Refreshing_tokens(AccountServer server) : IClassFixture<AccountServer>
{
    [Fact]
    public async Task a_token_expires_softly_and_is_refreshed()
    {
        var first = await LogInAsync("alice");
        Assert.Equal(3_600_000, first.Json.GetProperty("expires_in_ms").GetInt64());
        (await WhoAmIAsync(first)).Is(200);
        server.Time.Advance(TimeSpan.FromMinutes(61));
        var expired = await WhoAmIAsync(first);
        expired.Is(401, ErrCodes.UnknownToken);
        Assert.True(expired.Json.GetProperty("soft_logout").GetBoolean());

        var second = await RefreshAsync(first);
        second.Is(200);
        var me = await WhoAmIAsync(second);
        me.Is(200);
        Assert.Equal(first.Get("device_id"), me.Get("device_id"));
        var old = await WhoAmIAsync(first);
        old.Is(401, ErrCodes.UnknownToken);
        Assert.False(old.Json.TryGetProperty("soft_logout", out _));
    }

    [Fact]
    public async Task a_lost_answer_can_be_asked_for_again_until_its_access_token_is_used()
    {
        var first = await LogInAsync("lost");
        var lost = await RefreshAsync(first);
        var again = await RefreshAsync(first);
        (await RefreshAsync(lost)).Is(401, ErrCodes.UnknownToken);
        (await WhoAmIAsync(lost)).Is(401, ErrCodes.UnknownToken);
        (await WhoAmIAsync(again)).Is(200);
        (await RefreshAsync(first)).Is(401, ErrCodes.UnknownToken);
        (await RefreshAsync(again)).Is(200);
    }

    [Fact]
    public async Task a_refresh_token_ends_when_its_successor_is_used()
    {
        var first = await LogInAsync("successor");
        var second = await RefreshAsync(first);
        var third = await RefreshAsync(second);
        (await RefreshAsync(first)).Is(401, ErrCodes.UnknownToken);
        (await RefreshAsync(second)).Is(200);
        (await WhoAmIAsync(third)).Is(401, ErrCodes.UnknownToken);
    }

    [Fact]
    public async Task a_refresh_token_ends_with_its_session()
    {
        var session = await LogInAsync("ended");
        (await server.SendAsync("POST", "logout", "{}", session.Get("access_token"))).Is(200);
        (await RefreshAsync(session)).Is(401, ErrCodes.UnknownToken);
    }

    [Fact]
    public async Task who_asks_for_none_gets_none()
    {
        var answer = await server.SendAsync(
            "POST", "register", """{"username":"plain","password":"secret","auth":{"type":"m.login.dummy"}}""");
        Assert.False(answer.Json.TryGetProperty("refresh_token", out _));
        Assert.False(answer.Json.TryGetProperty("expires_in_ms", out _));
        answer = await server.SendAsync(
            "POST", "register", """{"username":"able","password":"secret","refresh_token":true,"auth":{"type":"m.login.dummy"}}""");
        (await RefreshAsync(answer)).Is(200);
    }

    [Theory]
    [InlineData("{}", 400, ErrCodes.MissingParam)]
    [InlineData("""{"refresh_token":7}""", 400, ErrCodes.BadJson)]
    [InlineData("""{"refresh_token":"nothing"}""", 401, ErrCodes.UnknownToken)]
    public async Task what_is_no_refresh_token_is_refused(string body, int status, string errCode) =>
        (await server.SendAsync("POST", "refresh", body)).Is(status, errCode);

    private async Task<Answer> LogInAsync(string user)
    {
        await server.RegisterAsync(user);
        return await server.LogInAsync(user, more: ",\"refresh_token\":true");
    }

    private Task<Answer> WhoAmIAsync(Answer session) => server.SendAsync("GET", "account/whoami", token: session.Get("access_token"));

    private Task<Answer> RefreshAsync(Answer session) => server.SendAsync(
        "POST", "refresh", $"{{\"refresh_token\":\"{session.Get("refresh_token")}\"}}");
}
