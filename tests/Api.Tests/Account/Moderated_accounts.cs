using System.Net;
using Matrix.EventSourced.Api.Configuration;
using Matrix.EventSourced.Kit.Hosting;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.Tests.Account;

public sealed class Moderated_accounts : IAsyncLifetime
{
    private const string Admin = "/_matrix/client/v1/admin/";

    private TestHomeserver _server = null!;
    private TestUser _admin = null!;
    private TestUser _alice = null!;

    public async Task InitializeAsync()
    {
        _server = await TestHomeserver.StartAsync(new TestHomeserverOptions
        {
            Configure = config => config with
            {
                Federation = config.Federation with
                {
                    Listener = new ListenerConfig { Listen = [new ListenAddress(IsTls: false, IPAddress.Loopback, 0)] },
                },
            },
        });
        _admin = await Administrators.RegisterAsync(_server, "root");
        _alice = await _server.RegisterAsync("alice");
    }

    public Task DisposeAsync() => _server.DisposeAsync().AsTask();

    [Fact]
    public async Task a_locked_user_can_only_log_out()
    {
        var other = await LogInAsync();
        var path = $"{Admin}lock/{_alice.UserId}";
        Assert.Equal("""{"locked":false}""", (await _admin.GetAsync(path)).Text);
        Assert.Equal("""{"locked":true}""", (await _admin.PutAsync(path, """{"locked":true}""")).Text);
        Assert.Equal("""{"locked":true}""", (await _admin.GetAsync(path)).Text);

        var refused = await _alice.GetAsync("sync");
        refused.Refused(401, ErrCodes.UserLocked);
        Assert.True(refused.Json.GetProperty("soft_logout").GetBoolean());
        (await _server.SendAsync("POST", "login", null, Login)).Refused(401, ErrCodes.UserLocked);
        (await other.PostAsync("logout")).Ok();
        (await other.GetAsync("account/whoami")).Refused(401, ErrCodes.UnknownToken);

        (await _admin.PutAsync(path, """{"locked":false}""")).Ok();
        (await _alice.GetAsync("sync")).Ok();
        await LogInAsync();
    }

    [Fact]
    public async Task a_suspended_user_reads_leaves_and_redacts_what_is_theirs()
    {
        var room = await _alice.CreateRoomAsync("""{"preset":"trusted_private_chat"}""");
        var mine = await _alice.SendTextAsync(room, "mine");
        (await _alice.PostAsync($"rooms/{room}/invite", $$"""{"user_id":"{{_admin.UserId}}"}""")).Ok();
        await _admin.JoinAsync(room);
        var theirs = await _admin.SendTextAsync(room, "theirs");

        var path = $"{Admin}suspend/{_alice.UserId}";
        Assert.Equal("""{"suspended":true}""", (await _admin.PutAsync(path, """{"suspended":true}""")).Text);
        (await _alice.PutAsync($"rooms/{room}/send/m.room.message/1", """{"body":"x"}""")).Refused(403, ErrCodes.UserSuspended);
        (await _alice.PostAsync("createRoom")).Refused(403, ErrCodes.UserSuspended);
        (await _alice.PostAsync($"join/{room}")).Refused(403, ErrCodes.UserSuspended);
        (await _alice.PutAsync($"profile/{_alice.UserId}/displayname", """{"displayname":"A"}""")).Refused(403, ErrCodes.UserSuspended);
        (await _alice.PutAsync($"rooms/{room}/redact/{theirs}/2", "{}")).Refused(403, ErrCodes.UserSuspended);
        (await _alice.PutAsync($"rooms/{room}/redact/{mine}/3", "{}")).Ok();
        (await _alice.GetAsync("sync")).Ok();
        (await _alice.GetAsync($"rooms/{room}/messages?dir=b")).Ok();
        (await (await LogInAsync()).PostAsync("createRoom")).Refused(403, ErrCodes.UserSuspended);
        (await _alice.PostAsync($"rooms/{room}/leave")).Ok();

        Assert.Equal("""{"suspended":false}""", (await _admin.PutAsync(path, """{"suspended":false}""")).Text);
        await _alice.CreateRoomAsync();
    }

    [Fact]
    public async Task only_administrators_moderate_and_nobody_moderates_them()
    {
        var path = $"{Admin}lock/{_alice.UserId}";
        (await _alice.GetAsync(path)).Refused(403, ErrCodes.Forbidden);
        (await _alice.PutAsync($"{Admin}suspend/@nobody:hs", """{"suspended":true}""")).Refused(403, ErrCodes.Forbidden);
        (await _admin.PutAsync($"{Admin}lock/{_admin.UserId}", """{"locked":true}""")).Refused(403, ErrCodes.Forbidden);
        (await _admin.GetAsync($"{Admin}lock/@nobody:hs")).Refused(404, ErrCodes.NotFound);
        (await _admin.GetAsync($"{Admin}lock/@alice:elsewhere")).Refused(400, ErrCodes.InvalidParam);
        (await _admin.PutAsync(path, "{}")).Refused(400, ErrCodes.MissingParam);
        (await _admin.PutAsync(path, """{"locked":"yes"}""")).Refused(400, ErrCodes.BadJson);
        Assert.Contains("m.account_moderation", (await _admin.GetAsync("capabilities")).Text, StringComparison.Ordinal);
        Assert.DoesNotContain("m.account_moderation", (await _alice.GetAsync("capabilities")).Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task whois_shows_the_devices()
    {
        var path = $"admin/whois/{_alice.UserId}";
        Assert.Contains(_alice.DeviceId, (await _admin.GetAsync(path)).Text, StringComparison.Ordinal);
        (await _alice.GetAsync(path)).Ok();
        (await _alice.GetAsync($"admin/whois/{_admin.UserId}")).Refused(403, ErrCodes.Forbidden);
        (await _admin.GetAsync("admin/whois/@nobody:hs")).Refused(404, ErrCodes.NotFound);
    }

    [Fact]
    public async Task an_openid_token_says_who_somebody_is()
    {
        var given = (await _alice.PostAsync($"user/{_alice.UserId}/openid/request_token")).Ok();
        Assert.Equal(("Bearer", 3600), (given.Text("token_type"), given.GetProperty("expires_in").GetInt32()));
        (await _alice.PostAsync($"user/{_admin.UserId}/openid/request_token")).Refused(403, ErrCodes.Forbidden);
        var token = given.Text("access_token");
        (await _server.SendAsync("GET", "account/whoami", token)).Refused(401, ErrCodes.UnknownToken);
        Assert.Equal(_alice.UserId, (await UserInfoAsync(token)).Ok().Text("sub"));
        (await UserInfoAsync(token[..^1] + (token[^1] == 'A' ? 'B' : 'A'))).Refused(401, ErrCodes.UnknownToken);
        (await UserInfoAsync("x." + token)).Refused(401, ErrCodes.UnknownToken);
        (await UserInfoAsync(".")).Refused(401, ErrCodes.UnknownToken);

        async Task<Reply> UserInfoAsync(string text)
        {
            using var client = new HttpClient();
            using var response = await client.GetAsync(new Uri(
                _server.Running.FederationAddresses[0]
                + "/_matrix/federation/v1/openid/userinfo?access_token=" + Uri.EscapeDataString(text)));
            return new Reply((int)response.StatusCode, await response.Content.ReadAsByteArrayAsync());
        }
    }

    private const string Login =
        """{"type":"m.login.password","identifier":{"type":"m.id.user","user":"alice"},"password":"secret"}""";

    private async Task<TestUser> LogInAsync()
    {
        var session = (await _server.SendAsync("POST", "login", null, Login)).Ok();
        return new TestUser(_server, session.Text("user_id"), session.Text("access_token"), session.Text("device_id"));
    }
}
