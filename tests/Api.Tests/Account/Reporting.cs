using System.Security.Cryptography;
using System.Text;
using Matrix.EventSourced.Api.Configuration;
using Matrix.EventSourced.Kit.Hosting;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.Tests.Account;

public sealed class Reporting
{
    private const string Spam = """{"reason":"spam","score":-100}""";

    [Fact]
    public async Task what_users_report_is_shown_to_administrators()
    {
        await using var server = await TestHomeserver.StartAsync();
        var admin = await Administrators.RegisterAsync(server, "root");
        var alice = await server.RegisterAsync("alice");
        var bob = await server.RegisterAsync("bob");
        var room = await alice.CreateRoomAsync();
        var eventId = await alice.SendTextAsync(room, "buy");
        Assert.Equal("""{"reports":[]}""", (await admin.GetAsync("/_admin/v1/reports")).Text);

        (await bob.PostAsync($"rooms/{room}/report/{eventId}", Spam)).Refused(404, ErrCodes.NotFound);
        await bob.JoinAsync(room);
        (await bob.PostAsync($"rooms/{room}/report/{eventId}", "{}")).Ok();
        (await bob.PostAsync($"rooms/{room}/report/$none", Spam)).Refused(404, ErrCodes.NotFound);
        (await bob.PostAsync($"rooms/{room}/report", Spam)).Ok();
        (await bob.PostAsync("rooms/!none:hs/report", Spam)).Refused(404, ErrCodes.NotFound);
        (await bob.PostAsync($"users/{alice.UserId}/report", Spam)).Ok();
        (await bob.PostAsync("users/@far:elsewhere/report", Spam)).Ok();
        (await bob.PostAsync("users/@none:hs/report", Spam)).Refused(404, ErrCodes.NotFound);
        (await bob.PostAsync("users/none/report", Spam)).Refused(400, ErrCodes.InvalidParam);
        (await bob.PostAsync($"rooms/{room}/report", "{}")).Refused(400, ErrCodes.MissingParam);
        (await bob.PostAsync($"rooms/{room}/report", """{"reason":7}""")).Refused(400, ErrCodes.BadJson);
        var large = $$"""{"reason":"{{new string('x', 9_000)}}"}""";
        (await bob.PostAsync($"rooms/{room}/report", large)).Refused(413, ErrCodes.TooLarge);

        (await alice.GetAsync("/_admin/v1/reports")).Refused(403, ErrCodes.Forbidden);
        (await admin.GetAsync("/_admin/v1/reports?before=x")).Refused(400, ErrCodes.InvalidParam);
        var reports = (await admin.GetAsync("/_admin/v1/reports")).Ok().GetProperty("reports").EnumerateArray().ToList();
        Assert.Equal([3, 2, 1, 0], reports.Select(report => report.GetProperty("report").GetInt32()));
        Assert.All(reports, report => Assert.Equal(bob.UserId, report.Text("reporter")));
        Assert.Equal("@far:elsewhere", reports[0].Text("user_id"));
        Assert.Equal((room, "spam"), (reports[2].Text("room_id"), reports[2].Text("reason")));
        Assert.Equal(eventId, reports[3].Text("event_id"));
        var older = (await admin.GetAsync("/_admin/v1/reports?before=2")).Ok().GetProperty("reports");
        Assert.Equal(2, older.GetArrayLength());
    }

    [Fact]
    public async Task what_is_configured_is_told()
    {
        await using var server = await TestHomeserver.StartAsync(new TestHomeserverOptions { Configure = Configured });
        Assert.Equal(
            """
            {"contacts":[{"matrix_id":"@root:hs","role":"m.role.admin"},{"email_address":"sec@hs","role":"m.role.security"}],
            "support_page":"https://hs/help"}
            """.ReplaceLineEndings(""),
            (await server.SendAsync("GET", "/.well-known/matrix/support")).Text);
        Assert.Equal(
            """{"public_keys":{"ed25519":"key"}}""", (await server.SendAsync("GET", "/.well-known/matrix/policy_server")).Text);
        var alice = await server.RegisterAsync("alice");
        var turn = (await alice.GetAsync("voip/turnServer")).Ok();
        Assert.EndsWith(":@alice:hs", turn.Text("username"), StringComparison.Ordinal);
        Assert.Equal(86_400, turn.GetProperty("ttl").GetInt32());
#pragma warning disable CA5350 // TURN servers expect HMAC-SHA1.
        var password = HMACSHA1.HashData("secret"u8, Encoding.UTF8.GetBytes(turn.Text("username")));
#pragma warning restore CA5350
        Assert.Equal(Convert.ToBase64String(password), turn.Text("password"));
    }

    [Fact]
    public async Task what_is_not_configured_is_not_there()
    {
        await using var server = await TestHomeserver.StartAsync();
        (await server.SendAsync("GET", "/.well-known/matrix/support")).Refused(404, ErrCodes.NotFound);
        (await server.SendAsync("GET", "/.well-known/matrix/policy_server")).Refused(404, ErrCodes.NotFound);
    }

    internal static HomeserverConfig Configured(HomeserverConfig config) => config with
    {
        Voip = new VoipConfig { TurnUris = ["turn:turn.hs"], TurnSecret = "secret" },
        Support = new SupportConfig
        {
            Contacts = [new SupportContact("@root:hs", IsForSecurity: false), new SupportContact("sec@hs", IsForSecurity: true)],
            Page = "https://hs/help",
        },
        PolicyServerKey = "key",
    };
}
