using System.Security.Cryptography;
using System.Text;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.Tests.Account;

public class SharedSecret(AccountServer server) : IClassFixture<AccountServer>
{
    private const string Path = "/_synapse/admin/v1/register";

    internal static async Task<Answer> RegisterAsync(
        AccountServer server, string username, string password, bool isAdmin, string more =
            "", string secret = "shared")
    {
        var nonce = (await server.SendAsync("GET", Path)).Get("nonce");
        return await server.SendAsync("POST", Path, Body(nonce, username, password, isAdmin, more, secret));
    }

    [Fact]
    public async Task registers_an_administrator_with_a_name()
    {
        var answer = await RegisterAsync(server, "root", "pw", isAdmin: true, ""","displayname":"The \"Root\"" """);
        Assert.Equal("@root:hs", answer.Session().UserId);
        Assert.Equal("hs", answer.Get("home_server"));
        (await server.SendAsync("GET", "account/whoami", token: answer.Get("access_token"))).Is(200);
        Assert.Equal(
            "The \"Root\"", (await server.SendAsync("GET", "profile/@root:hs/displayname")).Get("displayname"));
        (await server.LogInAsync("root", "pw")).Is(200);
    }

    [Fact]
    public async Task takes_a_nonce_once()
    {
        var nonce = (await server.SendAsync("GET", Path)).Get("nonce");
        (await server.SendAsync("POST", Path, Body(nonce, "once", "pw", false))).Is(200);
        (await server.SendAsync("POST", Path, Body(nonce, "twice", "pw", false))).Is(400, ErrCodes.Unknown);
        (await server.SendAsync("POST", Path, Body("made up", "twice", "pw", false))).Is(400, ErrCodes.Unknown);
    }

    [Fact]
    public async Task refuses_another_secret() =>
        (await RegisterAsync(server, "mallory", "pw", true, secret: "guessed")).Is(403, ErrCodes.Forbidden);

    [Fact]
    public async Task refuses_names_as_registration_does()
    {
        (await RegisterAsync(server, "twin", "pw", false)).Is(200);
        (await RegisterAsync(server, "twin", "pw", false)).Is(400, ErrCodes.UserInUse);
        (await RegisterAsync(server, "tw in", "pw", false)).Is(400, ErrCodes.InvalidUsername);
        (await RegisterAsync(server, "weak", "", false)).Is(400, ErrCodes.WeakPassword);
    }

    [Theory]
    [InlineData("{}", ErrCodes.MissingParam)]
    [InlineData("""{"nonce":1}""", ErrCodes.BadJson)]
    [InlineData("""{"nonce":"n","username":"u","password":"p","mac":"m","admin":"yes"}""", ErrCodes.BadJson)]
    public async Task refuses_a_malformed_body(string body, string errCode) =>
        (await server.SendAsync("POST", Path, body)).Is(400, errCode);

    private static string Body(
        string nonce, string username, string password, bool isAdmin, string more = "", string secret = "shared")
    {
        var text = $"{nonce}\0{username}\0{password}\0{(isAdmin ? "admin" : "notadmin")}";
#pragma warning disable CA5350 // The scheme is HMAC-SHA1.
        var mac = Convert.ToHexStringLower(
            HMACSHA1.HashData(Encoding.UTF8.GetBytes(secret), Encoding.UTF8.GetBytes(text)));
#pragma warning restore CA5350
        return $$"""
            {"nonce":"{{nonce}}","username":"{{username}}","password":"{{password}}",
            "admin":{{(isAdmin ? "true" : "false")}},"mac":"{{mac}}"{{more}}}
            """;
    }
}
