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
}
