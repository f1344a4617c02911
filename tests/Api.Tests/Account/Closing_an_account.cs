using Matrix.EventSourced.Kit.Hosting;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.Tests.Account;

public sealed class Closing_an_account
{
    private const string Auth =
        """{"auth":{"type":"m.login.password","identifier":{"type":"m.id.user","user":"alice"},"password":"secret"}}""";

    [Fact]
    public async Task it_leaves_rooms_rejects_invites_and_takes_knocks_back()
    {
        await using var server = await TestHomeserver.StartAsync();
        var (alice, bob) = (await server.RegisterAsync("alice"), await server.RegisterAsync("bob"));
        var joined = await bob.CreateRoomAsync();
        await alice.JoinAsync(joined);
        var invited = await bob.CreateRoomAsync($$"""{"invite":["{{alice.UserId}}"]}""");
        var knocked = await bob.CreateRoomAsync(
            """{"initial_state":[{"type":"m.room.join_rules","state_key":"","content":{"join_rule":"knock"}}]}""");
        (await alice.PostAsync($"knock/{Uri.EscapeDataString(knocked)}")).Ok();
        var banned = await bob.CreateRoomAsync();
        (await bob.PostAsync($"rooms/{banned}/ban", $$"""{"user_id":"{{alice.UserId}}"}""")).Ok();

        (await alice.PostAsync("account/deactivate", Auth)).Ok();

        foreach (var room in (string[])[joined, invited, knocked])
            Assert.Equal("leave", await MembershipAsync(room));
        Assert.Equal("ban", await MembershipAsync(banned));
        (await bob.GetAsync($"profile/{alice.UserId}")).Refused(404, ErrCodes.NotFound);
        (await server.SendAsync("POST", "login", null, """{"type":"m.login.password","user":"alice","password":"secret"}"""))
            .Refused(403, ErrCodes.UserDeactivated);

        async Task<string> MembershipAsync(string room) =>
            (await bob.GetAsync($"rooms/{room}/state/m.room.member/{alice.UserId}")).Ok().Text("membership");
    }
}
