using System.Text.Json;
using Matrix.EventSourced.Kit.Hosting;
using Matrix.EventSourced.Kit.KeyServer;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Api.Tests.KeyServer;

/// <summary>What clients do with keys.</summary>
internal static class KeyClient
{
    public static UserId Id(this TestUser user) => UserId.Parse(user.UserId);

    public static string DeviceKeys(this TestUser user, byte seed) =>
        TestKeys.Device(user.Id(), user.DeviceId, seed).ToString();

    /// <summary>Uploads the device's keys; answers the counts.</summary>
    public static async Task<JsonElement> UploadAsync(this TestUser user, byte seed, params string[] oneTimeKeyIds) =>
        (await user.PostAsync("keys/upload", Upload(user.DeviceKeys(seed), oneTimeKeyIds))).Ok()
            .GetProperty("one_time_key_counts");

    public static string Upload(string? deviceKeys, params string[] oneTimeKeyIds)
    {
        var keys = string.Join(',', oneTimeKeyIds.Select(id => $"\"{id}\":{OneTime(id)}"));
        return deviceKeys is null
            ? $$"""{"one_time_keys":{ {{keys}} } }"""
            : $$"""{"device_keys":{{deviceKeys}},"one_time_keys":{ {{keys}} } }""";
    }

    public static string OneTime(string id) => $$$"""{"key":"{{{id}}}","signatures":{"@x:y":{"ed25519:Z":"s"} } }""";

    public static async Task<JsonElement> QueryAsync(this TestUser user, params string[] users) =>
        (await user.PostAsync("keys/query", Query(users))).Ok();

    public static string Query(params string[] users) =>
        $$"""{"device_keys":{ {{string.Join(',', users.Select(id => $"\"{id}\":[]"))}} } }""";

    public static async Task<JsonElement> DeviceAsync(this TestUser user, TestUser other) =>
        (await user.QueryAsync(other.UserId)).GetProperty("device_keys").GetProperty(other.UserId)
            .GetProperty(other.DeviceId);

    /// <summary>Claims a key; null where there is none.</summary>
    public static async Task<string?> ClaimAsync(
        this TestUser user, TestUser other, string algorithm = "signed_curve25519")
    {
        var body = $$$"""{"one_time_keys":{"{{{other.UserId}}}":{"{{{other.DeviceId}}}":"{{{algorithm}}}"} } }""";
        var reply = (await user.PostAsync("keys/claim", body)).Ok();
        return reply.GetProperty("one_time_keys").TryGetProperty(other.UserId, out var devices)
            ? devices.GetProperty(other.DeviceId).EnumerateObject().Single().Name
            : null;
    }

    /// <summary>Bootstraps cross-signing with keys of three seeds from one on.</summary>
    public static string CrossSigning(this TestUser user, byte seed) =>
        $$"""
        {"master_key":{{TestKeys.CrossSigning(user.Id(), "master", seed)}},
        "self_signing_key":{{TestKeys.CrossSigning(user.Id(), "self_signing", (byte)(seed + 1), seed)}},
        "user_signing_key":{{TestKeys.CrossSigning(user.Id(), "user_signing", (byte)(seed + 2), seed)}} }
        """;

    public static string[] Changed(JsonElement sync) => Users(sync, "changed");

    public static string[] Left(JsonElement sync) => Users(sync, "left");

    public static string Token(JsonElement sync) => sync.Text("next_batch");

    public static async Task<TestUser> LoginAsync(TestHomeserver server, string name, string? deviceId = null)
    {
        var device = deviceId is null ? string.Empty : $$""","device_id":"{{deviceId}}" """;
        var made = (await server.SendAsync(
            "POST",
            "login",
            null,
            $$$"""
            {"type":"m.login.password","identifier":{"type":"m.id.user","user":"{{{name}}}"},"password":"secret"{{{device}}}}
            """)).Ok();
        return new TestUser(server, made.Text("user_id"), made.Text("access_token"), made.Text("device_id"));
    }

    private static string[] Users(JsonElement sync, string name)
    {
        var lists = sync.TryGetProperty("device_lists", out var found) ? found : sync;
        return [.. lists.GetProperty(name).EnumerateArray().Select(user => user.GetString()!)];
    }
}
