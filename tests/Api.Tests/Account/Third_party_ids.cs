using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.Tests.Account;

public class Third_party_ids(AccountServer server) : IClassFixture<AccountServer>
{
    [Fact]
    public async Task there_are_none()
    {
        var session = await SessionAsync();
        Assert.Equal("""{"threepids":[]}""", (await server.SendAsync("GET", "account/3pid", token: session.Token)).Text);
        foreach (var action in new[] { "delete", "unbind" })
        {
            Assert.Equal(
                """{"id_server_unbind_result":"no-support"}""",
                (await server.SendAsync(
                    "POST", "account/3pid/" + action, """{"medium":"email","address":"a@b.c"}""", session.Token)).Text);
        }
    }

    [Theory]
    [InlineData("3pid", "{}", 400, ErrCodes.MissingParam)]
    [InlineData("3pid", """{"three_pid_creds":[]}""", 400, ErrCodes.BadJson)]
    [InlineData(
        "3pid", """{"three_pid_creds":{"client_secret":"s","id_server":"i","id_access_token":"t","sid":"1"}}""", 403, ErrCodes.ServerNotTrusted)]
    [InlineData("3pid/add", """{"client_secret":"s"}""", 400, ErrCodes.MissingParam)]
    [InlineData("3pid/add", """{"client_secret":"s","sid":"1"}""", 403, ErrCodes.ThreepidDenied)]
    [InlineData("3pid/bind", """{"client_secret":"s","sid":7}""", 400, ErrCodes.MissingParam)]
    [InlineData("3pid/bind", """{"client_secret":"s","id_server":"i","id_access_token":"t","sid":"1"}""", 403, ErrCodes.ServerNotTrusted)]
    [InlineData("3pid/delete", """{"medium":"fax","address":"1"}""", 400, ErrCodes.InvalidParam)]
    public async Task none_can_be_added(string path, string body, int status, string errCode)
    {
        var session = await SessionAsync();
        (await server.SendAsync("POST", "account/" + path, body, session.Token)).Is(status, errCode);
    }

    [Theory]
    [InlineData("register/email", """{"client_secret":"s","email":"a@b.c","send_attempt":1}""", 403, ErrCodes.ThreepidDenied)]
    [InlineData("account/3pid/email", """{"client_secret":"s","email":"a@b.c","send_attempt":1}""", 403, ErrCodes.ThreepidDenied)]
    [InlineData("account/password/email", """{"client_secret":"s","email":"a@b.c","send_attempt":1}""", 400, ErrCodes.ThreepidNotFound)]
    [InlineData("register/email", """{"client_secret":"s","email":"a@b.c","send_attempt":1,"id_server":"i"}""", 400, ErrCodes.ServerNotTrusted)]
    [InlineData("register/email", """{"client_secret":"ö","email":"a@b.c","send_attempt":1}""", 400, ErrCodes.InvalidParam)]
    [InlineData("register/email", """{"client_secret":"s","email":"a@b.c"}""", 400, ErrCodes.MissingParam)]
    [InlineData("register/email", """{"client_secret":"s","email":"a@b.c","send_attempt":"1"}""", 400, ErrCodes.BadJson)]
    [InlineData("register/email", """{"client_secret":"s","email":"nobody","send_attempt":1}""", 400, ErrCodes.InvalidParam)]
    [InlineData("register/msisdn", """{"client_secret":"s","send_attempt":1}""", 400, ErrCodes.MissingParam)]
    [InlineData("register/msisdn", """{"client_secret":"s","country":"gb","phone_number":"1","send_attempt":1}""", 400, ErrCodes.InvalidParam)]
    [InlineData("register/msisdn", """{"client_secret":"s","country":"GB","phone_number":"1","send_attempt":1}""", 403, ErrCodes.ThreepidDenied)]
    [InlineData("account/3pid/msisdn", """{"client_secret":"s","country":"GB","phone_number":"1","send_attempt":1}""", 403, ErrCodes.ThreepidDenied)]
    [InlineData(
        "account/password/msisdn", """{"client_secret":"s","country":"GB","phone_number":"1","send_attempt":1}""", 400, ErrCodes.ThreepidNotFound)]
    public async Task no_token_is_sent(string path, string body, int status, string errCode) =>
        (await server.SendAsync("POST", path + "/requestToken", body)).Is(status, errCode);

    [Theory]
    [InlineData("protocol/irc", 404, ErrCodes.NotFound)]
    [InlineData("location/irc", 404, ErrCodes.NotFound)]
    [InlineData("user/irc", 404, ErrCodes.NotFound)]
    [InlineData("location", 400, ErrCodes.MissingParam)]
    [InlineData("location?alias=%23a:hs", 404, ErrCodes.NotFound)]
    [InlineData("user", 400, ErrCodes.MissingParam)]
    [InlineData("user?userid=%40a:hs", 404, ErrCodes.NotFound)]
    public async Task no_network_is_bridged(string path, int status, string errCode)
    {
        var session = await SessionAsync();
        (await server.SendAsync("GET", "thirdparty/" + path, token: session.Token)).Is(status, errCode);
        Assert.Equal("{}", (await server.SendAsync("GET", "thirdparty/protocols", token: session.Token)).Text);
    }

    [Fact]
    public async Task no_turn_server_is_configured()
    {
        var session = await SessionAsync();
        (await server.SendAsync("GET", "voip/turnServer", token: session.Token)).Is(404, ErrCodes.NotFound);
    }

    private async Task<Session> SessionAsync() => (await server.LogInAsync("alice")) is { Status: 200 } known
        ? known.Session()
        : await server.RegisterAsync("alice");
}
