using System.Text.Json;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.KeyServer;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Api.ClientApi.Keys;

/// <summary>Reads what clients and servers ask about keys.</summary>
internal static class KeyRequests
{
    /// <summary>How long other servers may take where the client says nothing.</summary>
    private const int TimeoutMsDefault = 10_000;

    /// <summary>LIMIT: milliseconds that a client may have other servers take. Ours: longer waits are cut by
    /// proxies.</summary>
    private const int TimeoutMsMax = 60_000;

    /// <summary>Users and the devices that are asked for; null for all of them.</summary>
    public static MatrixError? ReadQuery(JsonElement body, out Dictionary<UserId, IReadOnlySet<string>?> users)
    {
        users = [];
        if (!body.TryGetProperty("device_keys"u8, out var asked))
            return MatrixError.MissingParam("device_keys is missing.");
        if (asked.ValueKind != JsonValueKind.Object)
            return MatrixError.BadJson("device_keys must be an object.");
        foreach (var user in asked.EnumerateObject())
        {
            if (!UserId.TryParse(user.Name, out var userId))
                return MatrixError.InvalidParam("device_keys holds what is no user id.");
            if (user.Value.ValueKind != JsonValueKind.Array
                || user.Value.EnumerateArray().Any(device => device.ValueKind != JsonValueKind.String))
            {
                return MatrixError.BadJson("device_keys must hold a list of device ids for each user.");
            }
            users[userId] = user.Value.GetArrayLength() == 0
                ? null
                : user.Value.EnumerateArray().Select(device => device.GetString()!).ToHashSet(StringComparer.Ordinal);
        }
        return users.Count <= Limits.KeyQueryUsersMax
            ? null
            : MatrixError.InvalidParam($"At most {Limits.KeyQueryUsersMax} users can be asked about at once.");
    }

    /// <summary>Keys that are to be given out.</summary>
    public static MatrixError? ReadClaims(JsonElement body, out List<KeyClaim> claims)
    {
        claims = [];
        if (!body.TryGetProperty("one_time_keys"u8, out var users))
            return MatrixError.MissingParam("one_time_keys is missing.");
        if (users.ValueKind != JsonValueKind.Object)
            return MatrixError.BadJson("one_time_keys must be an object.");
        foreach (var user in users.EnumerateObject())
        {
            if (!UserId.TryParse(user.Name, out var userId))
                return MatrixError.InvalidParam("one_time_keys holds what is no user id.");
            if (user.Value.ValueKind != JsonValueKind.Object)
                return MatrixError.BadJson("one_time_keys must hold an object for each user.");
            foreach (var device in user.Value.EnumerateObject())
            {
                if (device.Value.ValueKind != JsonValueKind.String)
                    return MatrixError.BadJson("one_time_keys must name an algorithm for each device.");
                claims.Add(new(userId, device.Name, device.Value.GetString()!));
            }
        }
        return claims.Count <= Limits.ClaimsPerRequestMax
            ? null
            : MatrixError.InvalidParam($"At most {Limits.ClaimsPerRequestMax} keys can be claimed at once.");
    }

    public static MatrixError? ReadTimeout(JsonElement body, out TimeSpan timeout)
    {
        timeout = TimeSpan.FromMilliseconds(TimeoutMsDefault);
        if (!body.TryGetProperty("timeout"u8, out var given) || given.ValueKind == JsonValueKind.Null)
            return null;
        // Element Web of 2023 (matrix-sdk-crypto-wasm 3) writes a duration as {"secs":10,"nanos":0}. It is a hint, no
        // other server looks at it, and refused, nothing could be encrypted: it counts as not given.
        if (given.ValueKind == JsonValueKind.Object)
            return null;
        if (given.ValueKind != JsonValueKind.Number || !given.TryGetInt64(out var ms) || ms < 0)
            return MatrixError.InvalidParam("timeout must be a whole number of milliseconds.");
        timeout = TimeSpan.FromMilliseconds(Math.Min(ms, TimeoutMsMax));
        return null;
    }

    public static void WriteFailures(Utf8JsonWriter json, IEnumerable<ServerName> servers)
    {
        json.WriteStartObject("failures"u8);
        foreach (var server in servers)
        {
            json.WriteStartObject(server.Value);
            json.WriteString("errcode"u8, ErrCodes.Unknown);
            json.WriteString("error"u8, "The server could not be reached.");
            json.WriteEndObject();
        }
        json.WriteEndObject();
    }

    /// <summary>Writes keys that were given out.</summary>
    public static void WriteClaimed(
        Utf8JsonWriter json, IEnumerable<ClaimedKey> claimed)
    {
        json.WriteStartObject("one_time_keys"u8);
        foreach (var user in claimed.GroupBy(key => key.UserId))
        {
            json.WriteStartObject(user.Key.Value);
            foreach (var (_, deviceId, key) in user)
            {
                json.WriteStartObject(deviceId);
                json.WritePropertyName(key.KeyId);
                json.WriteRawValue(key.Key.Utf8.Span, skipInputValidation: true);
                json.WriteEndObject();
            }
            json.WriteEndObject();
        }
        json.WriteEndObject();
    }
}
