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
}
