using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using System.Text.Json;
using Matrix.EventSourced.Commands.KeyServer;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.KeyServer;
using Matrix.EventSourced.Federation.Transport;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Json;

namespace Matrix.EventSourced.Federation.KeyServer;

/// <summary>What other servers said, and those that did not answer.</summary>
public sealed record RemoteAnswer<T>(IReadOnlyDictionary<UserId, T> Found, IReadOnlyCollection<ServerName> Failures);

/// <summary>Asks other servers for keys of their users, all at once, and no longer than a client waits.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #post_matrixclientv3keysquery, #post_matrixclientv3keysclaim; server-server-api
/// #end-to-end-encryption.
/// Users with whom somebody here shares a room are asked about one by one, so that their lists are kept.
/// </remarks>
public sealed class RemoteKeys(FederationClient client, RemoteDeviceLists lists, TimeProvider time)
{
    /// <summary>Keys of users whose lists are not known here.</summary>
    /// <param name="users">Whom to ask about; true for those who share a room with users of ours.</param>
    /// <param name="timeout">How long the client waits.</param>
    /// <param name="cancellationToken">Nobody wants the answer any more.</param>
    public async ValueTask<RemoteAnswer<RemoteUserKeys>> QueryAsync(
        IReadOnlyDictionary<UserId, bool> users, TimeSpan timeout, CancellationToken cancellationToken)
    {
        var found = new ConcurrentDictionary<UserId, RemoteUserKeys>();
        var failures = await AskAllAsync(
            users.Keys.GroupBy(user => user.Server),
            async (server, asked, ending) =>
            {
                var listed = asked.Where(user => users[user]).Take(KeyServerLimits.ListsPerQueryMax + 1).ToList();
                if (listed.Count <= KeyServerLimits.ListsPerQueryMax)
                {
                    await Task.WhenAll(listed.Select(async user =>
                    {
                        if (await lists.FetchAsync(user, ending) is { } list)
                            found[user] = new(list.Devices, list.MasterKey, list.SelfSigningKey);
                    }));
                }
                var left = asked.Where(user => !found.ContainsKey(user)).ToList();
                return left.Count == 0 || await QueryAsync(server, left, found, ending);
            },
            timeout,
            cancellationToken);
        return new(found, failures);
    }

    /// <summary>One-time keys.</summary>
    public async ValueTask<RemoteAnswer<List<(string DeviceId, OneTimeKey Key)>>> ClaimAsync(
        IReadOnlyList<KeyClaim> claims, TimeSpan timeout, CancellationToken cancellationToken)
    {
        var found = new ConcurrentDictionary<UserId, List<(string, OneTimeKey)>>();
        var userToClaims = claims
            .GroupBy(claim => claim.UserId)
            .ToDictionary(group => group.Key, group => group.ToList());
        var failures = await AskAllAsync(
            userToClaims.Keys.GroupBy(user => user.Server),
            async (server, asked, ending) =>
            {
                var content = CanonicalJson.Canonicalise(JsonOf(json =>
                {
                    json.WriteStartObject("one_time_keys"u8);
                    foreach (var user in asked)
                    {
                        json.WriteStartObject(user.Value);
                        foreach (var claim in userToClaims[user])
                            json.WriteString(claim.DeviceId, claim.Algorithm);
                        json.WriteEndObject();
                    }
                    json.WriteEndObject();
                }));
                if ((await client.ClaimKeysAsync(server, content, ending)).ValueOrDefault is not { } answer)
                    return false;
                foreach (var user in asked)
                    found[user] = ReadClaimed(answer.Json, user, userToClaims[user]);
                return true;
            },
            timeout,
            cancellationToken);
        return new(found, failures);
    }

    private async ValueTask<bool> QueryAsync(
        ServerName server,
        IReadOnlyList<UserId> users,
        ConcurrentDictionary<UserId, RemoteUserKeys> found,
        CancellationToken cancellationToken)
    {
        var content = CanonicalJson.Canonicalise(JsonOf(json =>
        {
            json.WriteStartObject("device_keys"u8);
            foreach (var user in users)
            {
                json.WriteStartArray(user.Value);
                json.WriteEndArray();
            }
            json.WriteEndObject();
        }));
        if ((await client.QueryKeysAsync(server, content, cancellationToken)).ValueOrDefault is not { } answer)
            return false;
        foreach (var user in users)
        {
            var keys = RemoteKeyReading.Query(answer.Json, user);
            // Who is unknown there is left out, not shown without devices.
            if (RemoteKeyReading.Of(answer.Json, "device_keys", user) is not null || keys.MasterKey is not null)
                found[user] = keys;
        }
        return true;
    }

    /// <summary>Asks servers side by side; answers those that failed or took too long.</summary>
    private async ValueTask<IReadOnlyCollection<ServerName>> AskAllAsync(
        IEnumerable<IGrouping<ServerName, UserId>> servers,
        Func<ServerName, IReadOnlyList<UserId>, CancellationToken, Task<bool>> ask,
        TimeSpan timeout,
        CancellationToken cancellationToken)
    {
        using var patience = new CancellationTokenSource(timeout, time);
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellationToken);
        var failures = new ConcurrentBag<ServerName>();
        await Task.WhenAll(servers.Select(async group =>
        {
            try
            {
                if (await ask(group.Key, [.. group], ending.Token))
                    return;
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                // The client waits no longer.
            }
            failures.Add(group.Key);
        }));
        return [.. failures.Distinct().OrderBy(server => server.Value, StringComparer.Ordinal)];
    }

    private static List<(string, OneTimeKey)> ReadClaimed(JsonElement json, UserId user, List<KeyClaim> claims)
    {
        var found = new List<(string, OneTimeKey)>();
        if (RemoteKeyReading.Of(json, "one_time_keys", user) is not { ValueKind: JsonValueKind.Object } devices)
            return found;
        foreach (var claim in claims)
        {
            if (!devices.TryGetProperty(claim.DeviceId, out var keys) || keys.ValueKind != JsonValueKind.Object)
                continue;
            foreach (var key in keys.EnumerateObject())
            {
                if (KeyJson.IsKeyId(key.Name) && KeyJson.AlgorithmOf(key.Name) == claim.Algorithm
                    && key.Value.ValueKind is JsonValueKind.String or JsonValueKind.Object
                    && JsonMarshal.GetRawUtf8Value(key.Value).Length <= Limits.KeyObjectBytesMax
                    && RemoteKeyReading.IsCanonical(key.Value))
                {
                    found.Add((claim.DeviceId, new(key.Name, KeyJson.Keep(key.Value))));
                    break;
                }
            }
        }
        return found;
    }

    private static ReadOnlySpan<byte> JsonOf(Action<Utf8JsonWriter> members)
    {
        var buffer = new System.Buffers.ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            members(json);
            json.WriteEndObject();
        }
        return buffer.WrittenSpan;
    }
}
