using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.Tests.Account;

public class Login_tokens(AccountServer server) : IClassFixture<AccountServer>
{
    private const string Path = "/_matrix/client/v1/login/get_token";

    [Fact]
    public async Task another_client_logs_in_once()
    {
        var alice = await server.RegisterAsync("alice");
        (await server.SendAsync("POST", Path, "{}", alice.Token)).Is(401);
        var token = await TokenAsync(alice);
        var other = (await LogInAsync(token)).Session();
        Assert.Equal(alice.UserId, other.UserId);
        Assert.NotEqual(alice.DeviceId, other.DeviceId);
        (await LogInAsync(token)).Is(403, ErrCodes.Forbidden);
        Assert.NotEqual(token, await TokenAsync(alice));
    }

    [Fact]
    public async Task a_token_expires_and_helps_no_closed_account()
    {
        var bob = await server.RegisterAsync("bob");
        var token = await TokenAsync(bob);
        server.Time.Advance(TimeSpan.FromMinutes(3));
        (await LogInAsync(token)).Is(403, ErrCodes.Forbidden);
        token = await TokenAsync(bob);
        (await server.SendAsync("POST", "account/deactivate", $$"""{"auth":{{Password("bob")}}}""", bob.Token)).Is(200);
        (await LogInAsync(token)).Is(403, ErrCodes.UserDeactivated);
    }

    [Fact]
    public async Task the_flows_say_so()
    {
        Assert.Equal(
            """{"flows":[{"type":"m.login.password"},{"type":"m.login.token","get_login_token":true},{"type":"m.login.application_service"}]}""",
            (await server.SendAsync("GET", "login")).Text);
        (await server.SendAsync("POST", "login", """{"type":"m.login.token"}""")).Is(400, ErrCodes.MissingParam);
        (await server.SendAsync("POST", "login", """{"type":"m.login.token","token":7}""")).Is(400, ErrCodes.BadJson);
    }

    private static string Password(string user) =>
        $$$"""{"type":"m.login.password","identifier":{"type":"m.id.user","user":"{{{user}}}"},"password":"secret"}""";

    private async Task<string> TokenAsync(Session session)
    {
        var user = session.UserId[1..session.UserId.IndexOf(':', StringComparison.Ordinal)];
        return (await server.SendAsync("POST", Path, $$"""{"auth":{{Password(user)}}}""", session.Token)).Get("login_token");
    }

    private Task<Answer> LogInAsync(string token) => server.SendAsync(
        "POST", "login", $$"""{"type":"m.login.token","token":"{{token}}"}""");
}
