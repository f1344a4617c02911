using Matrix.EventSourced.Commands.UserApi;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.Tests.Account;

public class Registration(AccountServer server) : IClassFixture<AccountServer>
{
    [Fact]
    public async Task asks_for_the_dummy_stage_first()
    {
        var challenge = await server.SendAsync("POST", "register", """{"username":"first","password":"secret"}""");
        challenge.Is(401);
        Assert.Equal("""[{"stages":["m.login.dummy"]}]""", challenge.Json.GetProperty("flows").GetRawText());
        Assert.Equal("{}", challenge.Json.GetProperty("params").GetRawText());

        var auth = $$"""{"type":"m.login.dummy","session":"{{challenge.Get("session")}}"}""";
        var session = (await server.SendAsync(
            "POST", "register", $$"""{"username":"first","password":"secret","auth":{{auth}}}""")).Session();

        Assert.Equal("@first:hs", session.UserId);
        Assert.Matches("^[A-Z]{10}$", session.DeviceId);
        var whoami = await server.SendAsync("GET", "account/whoami", token: session.Token);
        Assert.Equal(
            $$"""{"user_id":"@first:hs","device_id":"{{session.DeviceId}}","is_guest":false}""", whoami.Text);
    }

    [Fact]
    public async Task gives_the_same_answer_to_the_same_request()
    {
        var challenge = await server.SendAsync("POST", "register", """{"username":"again","password":"secret"}""");
        var auth = $$$"""{"auth":{"type":"m.login.dummy","session":"{{{challenge.Get("session")}}}"}}""";
        var first = await server.SendAsync("POST", "register", auth);
        first.Is(200);
        Assert.Equal(first.Text, (await server.SendAsync("POST", "register", auth)).Text);
    }

    [Theory]
    [InlineData("""{"username":"taken","password":"p"}""", 400, ErrCodes.UserInUse)]
    [InlineData("""{"username":"TAKEN","password":"p"}""", 400, ErrCodes.UserInUse)]
    [InlineData("""{"username":"a b","password":"p"}""", 400, ErrCodes.InvalidUsername)]
    [InlineData("""{"username":"","password":"p"}""", 400, ErrCodes.InvalidUsername)]
    [InlineData("""{"username":7}""", 400, ErrCodes.BadJson)]
    [InlineData("""{"username":"x","password":7}""", 400, ErrCodes.BadJson)]
    [InlineData("""{"username":"x","device_id":{}}""", 400, ErrCodes.BadJson)]
    [InlineData("""{"username":"x","inhibit_login":"yes"}""", 400, ErrCodes.BadJson)]
    [InlineData("""{"username":"x","auth":{"type":"m.login.dummy"}}""", 400, ErrCodes.MissingParam)]
    [InlineData("""{"username":"x","password":"","auth":{"type":"m.login.dummy"}}""", 400, ErrCodes.WeakPassword)]
    [InlineData("""{"username":"x","password":"p","auth":7}""", 400, ErrCodes.BadJson)]
    [InlineData("""{"username":"x","password":"p","auth":{"type":"m.login.password"}}""", 401, ErrCodes.Forbidden)]
    [InlineData("[]", 400, ErrCodes.BadJson)]
    [InlineData("{", 400, ErrCodes.NotJson)]
    public async Task refuses_what_is_wrong(string body, int status, string errCode)
    {
        await server.SendAsync(
            "POST", "register", """{"username":"taken","password":"p","auth":{"type":"m.login.dummy"}}""");
        (await server.SendAsync("POST", "register", body)).Is(status, errCode);
    }

    [Fact]
    public async Task checks_the_device_id()
    {
        var id = new string('d', 256);
        var answer = await server.SendAsync(
            "POST", "register", $$$"""{"username":"dev","password":"p","device_id":"{{{id}}}","auth":{"type":"m.login.dummy"}}""");
        answer.Is(400, ErrCodes.InvalidParam);
    }

    [Fact]
    public async Task makes_a_name_for_those_who_choose_none()
    {
        var session = (await server.SendAsync(
            "POST", "register", """{"password":"secret","auth":{"type":"m.login.dummy"}}""")).Session();
        Assert.Matches("^@u[a-z2-7]{12}:hs$", session.UserId);
    }

    [Fact]
    public async Task opens_no_session_where_none_is_wanted()
    {
        var answer = await server.SendAsync(
            "POST", "register", """{"username":"quiet","password":"secret","inhibit_login":true,"auth":{"type":"m.login.dummy"}}""");
        answer.Is(200);
        Assert.Equal("@quiet:hs", answer.Get("user_id"));
        Assert.False(answer.Json.TryGetProperty("access_token", out _));
        Assert.False(answer.Json.TryGetProperty("device_id", out _));
        (await server.LogInAsync("quiet")).Is(200);
    }

    [Fact]
    public async Task lets_guests_in_without_a_password()
    {
        var session = (await server.SendAsync(
            "POST", "register?kind=guest", """{"username":"ignored","device_id":"IGNORED","initial_device_display_name":"tab"}""")).Session();
        Assert.Matches("^@[0-9]{15}:hs$", session.UserId);
        Assert.NotEqual("IGNORED", session.DeviceId);
        var whoami = await server.SendAsync("GET", "account/whoami", token: session.Token);
        Assert.True(whoami.Json.GetProperty("is_guest").GetBoolean());

        (await server.SendAsync(
            "PUT", $"profile/{session.UserId}/displayname", """{"displayname":"G"}""", session.Token)).Is(200);
        (await server.SendAsync(
            "PUT", $"profile/{session.UserId}/avatar_url", """{"avatar_url":"mxc://a/b"}""", session.Token))
            .Is(403, ErrCodes.GuestAccessForbidden);
        (await server.SendAsync("GET", "pushrules/", token: session.Token)).Is(403, ErrCodes.GuestAccessForbidden);
    }

    [Fact]
    public async Task knows_no_other_kinds() =>
        (await server.SendAsync("POST", "register?kind=admin", "{}")).Is(400, ErrCodes.InvalidParam);

    [Fact]
    public async Task tells_whether_a_name_is_free()
    {
        await server.RegisterAsync("occupied");
        var free = await server.SendAsync("GET", "register/available?username=free");
        Assert.Equal((200, """{"available":true}"""), (free.Status, free.Text));
        (await server.SendAsync("GET", "register/available?username=occupied")).Is(400, ErrCodes.UserInUse);
        (await server.SendAsync("GET", "register/available?username=a%20b")).Is(400, ErrCodes.InvalidUsername);
        (await server.SendAsync("GET", "register/available")).Is(400, ErrCodes.MissingParam);
    }
}

public sealed class TokenAccountServer : AccountServer
{
    private protected override RegistrationPolicy Policy => new(RegistrationOpenness.Token, ["letmein"], false, null);
}

public class Registration_by_token(TokenAccountServer server) : IClassFixture<TokenAccountServer>
{
    private const string Validity = "/_matrix/client/v1/register/m.login.registration_token/validity";

    [Fact]
    public async Task needs_the_token()
    {
        var challenge = await server.SendAsync("POST", "register", """{"username":"alice","password":"secret"}""");
        challenge.Is(401);
        Assert.Equal(
            """[{"stages":["m.login.registration_token"]}]""", challenge.Json.GetProperty("flows").GetRawText());

        (await TryAsync("m.login.dummy", "letmein")).Is(401, ErrCodes.Forbidden);
        (await TryAsync("m.login.registration_token", "other")).Is(401, ErrCodes.Unauthorized);
        Assert.Equal("@alice:hs", (await TryAsync("m.login.registration_token", "letmein")).Session().UserId);

        Task<Answer> TryAsync(string type, string token) => server.SendAsync(
            "POST",
            "register",
            $$$"""{"auth":{"type":"{{{type}}}","token":"{{{token}}}","session":"{{{challenge.Get("session")}}}"}}""");
    }

    [Theory]
    [InlineData("letmein", true)]
    [InlineData("other", false)]
    [InlineData("", false)]
    public async Task tells_whether_a_token_is_valid(string token, bool isValid)
    {
        var answer = await server.SendAsync("GET", $"{Validity}?token={token}");
        answer.Is(200);
        Assert.Equal(isValid, answer.Json.GetProperty("valid").GetBoolean());
    }

    [Fact]
    public async Task wants_a_token_to_judge() =>
        (await server.SendAsync("GET", Validity)).Is(400, ErrCodes.MissingParam);

    [Fact]
    public async Task refuses_guests() =>
        (await server.SendAsync("POST", "register?kind=guest", "{}")).Is(403, ErrCodes.Forbidden);
}

public sealed class ClosedAccountServer : AccountServer
{
    private protected override RegistrationPolicy Policy => new(RegistrationOpenness.Closed, [], false, "shared");
}

public class Registration_closed(ClosedAccountServer server) : IClassFixture<ClosedAccountServer>
{
    [Fact]
    public async Task refuses_everybody()
    {
        (await server.SendAsync("POST", "register", """{"username":"alice"}""")).Is(403, ErrCodes.Forbidden);
        (await server.SendAsync("GET", "register/available?username=alice")).Is(403, ErrCodes.Forbidden);
        (await server.SendAsync("GET", "/_matrix/client/v1/register/m.login.registration_token/validity?token=t"))
            .Is(403, ErrCodes.Forbidden);
    }

    [Fact]
    public async Task leaves_the_administrators_way_open() =>
        Assert.Equal("@byadmin:hs", (
            await SharedSecret.RegisterAsync(server, "byadmin", "pw", isAdmin: false)).Session().UserId);
}
