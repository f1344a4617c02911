using System.Text.Json;
using Matrix.EventSourced.Federation.Transport;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Json;
using Matrix.EventSourced.Protocol.Signing;

namespace Matrix.EventSourced.Federation.ServerKeyApi;

/// <summary>Asks servers and notaries for keys. Checks what a document says about itself, nothing else.</summary>
/// <remarks>Spec: v1.19 server-server-api #get_matrixkeyv2server, #post_matrixkeyv2query.</remarks>
public sealed class ServerKeyFetcher(FederationClient client, TimeProvider time)
{
    /// <summary>A server's own answer; null for none.</summary>
    public async ValueTask<KnownServerKeys?> DirectAsync(ServerName server, CancellationToken cancellationToken) =>
        await client.ServerKeysAsync(server, cancellationToken)
            is FederationResult<RemoteObject>.Ok { Value.Json: var json }
                ? Read(server, json)
                : null;

    /// <summary>What a notary says of several servers; only documents that it has signed with one of its
    /// keys.</summary>
    public async ValueTask<IReadOnlyList<KnownServerKeys>> NotaryAsync(
        ServerName notary,
        KnownServerKeys notaryKeys,
        IReadOnlyList<KeyNeed> needs,
        CancellationToken cancellationToken)
    {
        var answer = await client.QueryNotaryAsync(notary, Question(needs), cancellationToken);
        if (answer is not FederationResult<RemoteObject>.Ok { Value.Json: var json }
            || !json.TryGetProperty("server_keys"u8, out var list) || list.ValueKind != JsonValueKind.Array)
        {
            return [];
        }
        var asked = needs.Select(need => need.Server).ToHashSet();
        var nowMs = time.GetUtcNow().ToUnixTimeMilliseconds();
        var found = new List<KnownServerKeys>();
        foreach (var document in list.EnumerateArray())
        {
            if (document.ValueKind == JsonValueKind.Object
                && document.TryGetProperty("server_name"u8, out var name) && name.ValueKind == JsonValueKind.String
                && ServerName.TryParse(name.GetString(), out var server) && asked.Contains(server)
                && IsSignedBy(document, notary, notaryKeys, nowMs)
                && Read(server, document) is { } known)
            {
                found.Add(known);
            }
        }
        return found;
    }

    private static bool IsSignedBy(JsonElement document, ServerName notary, KnownServerKeys keys, long nowMs) =>
        keys.Keys.KeyIdToKey.Any(entry => keys.Keys.FindForRequest(entry.Key, nowMs) is { } key
            && JsonSigning.Verify(document, notary, key.KeyId, key.PublicKey.Span));

    private KnownServerKeys? Read(ServerName server, JsonElement json) => KnownServerKeys.Read(
        server,
        System.Runtime.InteropServices.JsonMarshal.GetRawUtf8Value(json).ToArray(),
        time.GetUtcNow().ToUnixTimeMilliseconds());

    private static byte[] Question(IReadOnlyList<KeyNeed> needs)
    {
        var buffer = new System.Buffers.ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteStartObject("server_keys"u8);
            foreach (var ofServer in needs.GroupBy(need => need.Server))
            {
                json.WriteStartObject(ofServer.Key.Value);
                foreach (var ofKey in ofServer
                    .SelectMany(need => need.KeyIds.Select(keyId => (KeyId: keyId, need.AtMs)))
                    .GroupBy(entry => entry.KeyId))
                {
                    json.WriteStartObject(ofKey.Key.Value);
                    json.WriteNumber(
                        "minimum_valid_until_ts"u8,
                        Math.Clamp(ofKey.Max(entry => entry.AtMs), 0, Limits.CanonicalIntegerMax));
                    json.WriteEndObject();
                }
                json.WriteEndObject();
            }
            json.WriteEndObject();
            json.WriteEndObject();
        }
        return CanonicalJson.Canonicalise(buffer.WrittenSpan);
    }
}
