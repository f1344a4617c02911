using Matrix.EventSourced.Api.Tests.Account;
using Matrix.EventSourced.Kit.Hosting;

namespace Matrix.EventSourced.Api.Tests.SpecSchemas;

/// <content>The smaller modules around an account.</content>
public sealed partial class Responses_of_all_endpoints
{
    private async Task CallClientConfigAsync()
    {
        var alice = _alice.UserId;
        const string tags = $"{V3}user/{{userId}}/rooms/{{roomId}}/tags";
        await _walk.CallAsync($"PUT {tags}/{{tag}}", _alice, [alice, _room, "m.favourite"], """{"order":0.5}""");
        await _walk.CallAsync($"GET {tags}", _alice, [alice, _room]);
        await _walk.CallAsync($"DELETE {tags}/{{tag}}", _alice, [alice, _room, "m.favourite"]);

        const string rule = $"{V3}pushrules/global/{{kind}}/{{ruleId}}";
        await _walk.CallAsync(
            $"PUT {rule}", _alice, ["content", "cake"], """{"pattern":"cake","actions":["notify"]}""");
        await _walk.CallAsync($"GET {rule}", _alice, ["content", "cake"]);
        await _walk.CallAsync($"PUT {rule}/enabled", _alice, ["content", "cake"], """{"enabled":false}""");
        await _walk.CallAsync($"GET {rule}/enabled", _alice, ["content", "cake"]);
        await _walk.CallAsync($"PUT {rule}/actions", _alice, ["content", "cake"], """{"actions":[]}""");
        await _walk.CallAsync($"GET {rule}/actions", _alice, ["content", "cake"]);
        await _walk.CallAsync($"GET {V3}pushrules/", _alice);
        await _walk.CallAsync($"GET {V3}pushrules/global/", _alice);
        await _walk.CallAsync($"DELETE {rule}", _alice, ["content", "cake"]);
        await _walk.CallAsync(
            $"POST {V3}pushers/set",
            _alice,
            body: """
            {"kind":"http","app_id":"org.example","pushkey":"key","app_display_name":"App","device_display_name":"Phone",
            "lang":"en","data":{"url":"https://push.example.org/_matrix/push/v1/notify"}}
            """);
        await _walk.CallAsync($"GET {V3}pushers", _alice);
        await _bob.SendTextAsync(_room, "to be notified of");
        await _walk.CallAsync($"GET {V3}notifications", _alice);
    }

    private async Task CallAdministrationAsync()
    {
        var admin = await Administrators.RegisterAsync(_server, "root");
        await _walk.CallAsync($"PUT {V1}admin/lock/{{userId}}", admin, [_bob.UserId], """{"locked":false}""");
        await _walk.CallAsync($"GET {V1}admin/lock/{{userId}}", admin, [_bob.UserId]);
        await _walk.CallAsync($"PUT {V1}admin/suspend/{{userId}}", admin, [_bob.UserId], """{"suspended":false}""");
        await _walk.CallAsync($"GET {V1}admin/suspend/{{userId}}", admin, [_bob.UserId]);
        await _walk.CallAsync($"GET {V3}admin/whois/{{userId}}", admin, [_bob.UserId]);
        await _walk.CallAsync($"GET {V3}capabilities", admin);
    }

    private async Task CallTokensAsync(string password)
    {
        var session = await _walk.CallAsync(
            $"POST {V3}login", null, body: $$"""{{password[..^1]}},"device_id":"RE","refresh_token":true}""");
        await _walk.CallAsync(
            $"POST {V3}refresh", null, body: $$"""{"refresh_token":"{{session.Text("refresh_token")}}"}""");
        await _walk.CallAsync($"POST {V1}login/get_token", _alice, body: "{}", status: 401);
        await _walk.CallAsync($"POST {V1}login/get_token", _alice, body: $$"""{"auth":{{password}}}""");
        await _walk.CallAsync($"POST {V3}user/{{userId}}/openid/request_token", _alice, [_alice.UserId], "{}");
    }

    private async Task CallSmallModulesAsync()
    {
        await _walk.CallAsync($"GET {V3}voip/turnServer", _alice);
        await _walk.CallAsync($"GET {V1}auth_metadata", null);
        var eventId = await _alice.SendTextAsync(_room, "report me");
        await _walk.CallAsync($"POST {V3}rooms/{{roomId}}/report", _bob, [_room], """{"reason":""}""");
        await _walk.CallAsync($"POST {V3}rooms/{{roomId}}/report/{{eventId}}", _bob, [_room, eventId], """{"reason":"x"}""");
        await _walk.CallAsync($"POST {V3}users/{{userId}}/report", _bob, [_alice.UserId], """{"reason":"x"}""");

        await _walk.CallAsync($"GET {V3}thirdparty/protocols", _alice);
        foreach (var path in new[] { "protocol/{protocol}", "location/{protocol}", "user/{protocol}" })
            await _walk.CallAsync($"GET {V3}thirdparty/{path}", _alice, ["irc"], status: 404);
        await _walk.CallAsync($"GET {V3}thirdparty/location", _alice, ["?alias=x"], status: 404);
        await _walk.CallAsync($"GET {V3}thirdparty/user", _alice, ["?userid=x"], status: 404);

        const string credentials = """{"client_secret":"s","id_server":"i","id_access_token":"t","sid":"1"}""";
        await _walk.CallAsync($"GET {V3}account/3pid", _alice);
        await _walk.CallAsync($"POST {V3}account/3pid", _alice, body: $$"""{"three_pid_creds":{{credentials}}}""", status: 403);
        await _walk.CallAsync($"POST {V3}account/3pid/delete", _alice, body: """{"medium":"email","address":"a@b.c"}""");
        await _walk.CallAsync($"POST {V3}account/3pid/unbind", _alice, body: """{"medium":"email","address":"a@b.c"}""");
        const string mail = """{"client_secret":"s","email":"a@b.c","send_attempt":1}""";
        const string call = """{"client_secret":"s","country":"GB","phone_number":"1","send_attempt":1}""";
        foreach (var (path, status) in new[] { ("register", 403), ("account/3pid", 403), ("account/password", 400) })
        {
            await _walk.CallAsync($"POST {V3}{path}/email/requestToken", null, body: mail, status: status);
            await _walk.CallAsync($"POST {V3}{path}/msisdn/requestToken", null, body: call, status: status);
        }
    }
}
