namespace Matrix.EventSourced.Api.Tests.SpecSchemas;

/// <content>Key backups.</content>
public sealed partial class Responses_of_all_endpoints
{
    private async Task CallKeyBackupAsync()
    {
        const string version = $"{V3}room_keys/version";
        const string keys = $"{V3}room_keys/keys";
        const string backup = """{"algorithm":"m.megolm_backup.v1.curve25519-aes-sha2","auth_data":{"public_key":"k"}}""";
        const string key = """{"first_message_index":1,"forwarded_count":0,"is_verified":true,"session_data":{"mac":"m"}}""";
        await _walk.CallAsync($"GET {version}", _alice, status: 404);
        await _walk.CallAsync($"POST {version}", _alice, body: backup);
        await _walk.CallAsync($"GET {version}", _alice);
        await _walk.CallAsync($"GET {version}/{{version}}", _alice, ["1"]);
        await _walk.CallAsync($"PUT {version}/{{version}}", _alice, ["1"], backup);
        await _walk.CallAsync($"PUT {keys}", _alice, ["?version=1"], $$$"""{"rooms":{"!r:hs":{"sessions":{"a":{{{key}}} } } } }""");
        await _walk.CallAsync($"PUT {keys}/{{roomId}}", _alice, ["!r:hs", "?version=1"], $$"""{"sessions":{"b":{{key}} } }""");
        await _walk.CallAsync($"PUT {keys}/{{roomId}}/{{sessionId}}", _alice, ["!r:hs", "c", "?version=1"], key);
        await _walk.CallAsync($"GET {keys}", _alice, ["?version=1"]);
        await _walk.CallAsync($"GET {keys}/{{roomId}}", _alice, ["!r:hs", "?version=1"]);
        await _walk.CallAsync($"GET {keys}/{{roomId}}/{{sessionId}}", _alice, ["!r:hs", "c", "?version=1"]);
        await _walk.CallAsync($"POST {version}", _alice, body: backup);
        await _walk.CallAsync(
            $"PUT {keys}/{{roomId}}/{{sessionId}}", _alice, ["!r:hs", "c", "?version=1"], key, status: 403);
        await _walk.CallAsync($"DELETE {keys}/{{roomId}}/{{sessionId}}", _alice, ["!r:hs", "c", "?version=1"]);
        await _walk.CallAsync($"DELETE {keys}/{{roomId}}", _alice, ["!r:hs", "?version=1"]);
        await _walk.CallAsync($"DELETE {keys}", _alice, ["?version=1"]);
        await _walk.CallAsync($"DELETE {version}/{{version}}", _alice, ["1"]);
    }
}
