using Matrix.EventSourced.Api.Tests.KeyServer;
using Matrix.EventSourced.Kit.Hosting;
using Matrix.EventSourced.Kit.KeyServer;

namespace Matrix.EventSourced.Api.Tests.SpecSchemas;

/// <content>End-to-end encryption keys.</content>
public sealed partial class Responses_of_all_endpoints
{
    private async Task CallKeysAsync()
    {
        var since = (await _bob.SyncAsync()).Text("next_batch");
        await _walk.CallAsync(
            $"POST {V3}keys/upload",
            _alice,
            body: KeyClient.Upload(_alice.DeviceKeys(10), "signed_curve25519:A", "curve25519:B"));
        await _walk.CallAsync($"POST {V3}keys/device_signing/upload", _alice, body: _alice.CrossSigning(1));
        var signed = TestKeys.Signed(
            TestKeys.Device(_alice.Id(), _alice.DeviceId, 10), _alice.Id(), (TestKeys.Public(2), 2));
        await _walk.CallAsync(
            $"POST {V3}keys/signatures/upload",
            _alice,
            body: $$$"""{"{{{_alice.UserId}}}":{"{{{_alice.DeviceId}}}":{{{signed}}},"NONE":{{{signed}}} } }""");
        await _walk.CallAsync($"POST {V3}keys/query", _alice, body: KeyClient.Query(_alice.UserId));
        await _walk.CallAsync(
            $"POST {V3}keys/claim",
            _bob,
            body: $$$"""{"one_time_keys":{"{{{_alice.UserId}}}":{"{{{_alice.DeviceId}}}":"signed_curve25519"} } }""");
        await _walk.CallAsync($"GET {V3}sync", _bob, [$"?since={since}"]);
        await _walk.CallAsync($"GET {V3}keys/changes", _bob, [$"?from={since}&to={since}"]);
    }
}
