using System.Buffers;
using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Matrix.EventSourced.Commands.Roomserver.ThirdParty;
using Matrix.EventSourced.Federation.RemoteRooms;
using Matrix.EventSourced.Federation.Transport;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Json;

namespace Matrix.EventSourced.Federation.IdentityServers;

/// <inheritdoc />
/// <remarks>
/// Spec: v1.19 identity-service-api #get_matrixidentityv2hash_details, #post_matrixidentityv2lookup,
/// #post_matrixidentityv2store-invite, #get_matrixidentityv2pubkeyisvalid.
/// Addresses are hashed with the server's pepper, so that it learns only those that it knows.
/// </remarks>
public sealed class IdentityServers(IdentityServerClient client) : IIdentityServers
{
    private const string V2 = "/_matrix/identity/v2";

    /// <summary>LIMIT: keys of one invite. Ours: there are two, the server's and the invite's.</summary>
    private const int KeysMax = 8;

    private static readonly SearchValues<char> TokenChars =
        SearchValues.Create("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.=_-");

    public async ValueTask<(UserId? Bound, MatrixError? Error)> LookUpAsync(ThirdPartyTarget target)
    {
        // The pepper may change between the question for it and its use: once more, then.
        for (var attempt = 0; ; attempt++)
        {
            var details = await SendAsync(target, HttpMethod.Get, "/hash_details", null);
            if (details.Error is not null)
                return (null, details.Error);
            if (ReceivedJson.Text(details.Body, "lookup_pepper") is not { } pepper
                || Algorithm(details.Body) is not { } algorithm)
                return (null, Unusable);
            var hashed = Hash(target, algorithm, pepper);
            var found = await SendAsync(target, HttpMethod.Post, "/lookup", Object(json =>
            {
                json.WriteStartArray("addresses"u8);
                json.WriteStringValue(hashed);
                json.WriteEndArray();
                json.WriteString("algorithm"u8, algorithm);
                json.WriteString("pepper"u8, pepper);
            }));
            if (found.Error is not null)
            {
                if (attempt == 0 && ReceivedJson.Text(found.Body, "errcode") == "M_INVALID_PEPPER")
                    continue;
                return (null, found.Error);
            }
            if (!found.Body.TryGetProperty("mappings"u8, out var mappings)
                || mappings.ValueKind != JsonValueKind.Object)
                return (null, Unusable);
            return ReceivedJson.Text(mappings, hashed) is not { } bound ? (null, null)
                : UserId.TryParse(bound, out var userId) ? (userId, null)
                : (null, Unusable);
        }
    }

    public async ValueTask<(StoredInvite? Stored, MatrixError? Error)> StoreInviteAsync(
        ThirdPartyTarget target, ShownInvite invite)
    {
        var stored = await SendAsync(target, HttpMethod.Post, "/store-invite", Object(json =>
        {
            json.WriteString("medium"u8, target.Medium);
            json.WriteString("address"u8, Normalised(target));
            foreach (var (name, value) in invite.Members)
                json.WriteString(name, value);
        }));
        if (stored.Error is not null)
        {
            return ReceivedJson.Text(stored.Body, "errcode") == "M_THREEPID_IN_USE"
                && UserId.TryParse(ReceivedJson.Text(stored.Body, "mxid"), out var bound)
                    ? (new StoredInvite(string.Empty, string.Empty, []) { BoundTo = bound }, null)
                    : (null, stored.Error);
        }
        return ReceivedJson.Text(stored.Body, "token") is { Length: > 0 and <= 255 } token
            && !token.AsSpan().ContainsAnyExcept(TokenChars)
            && ReceivedJson.Text(stored.Body, "display_name") is { } name
            && Keys(stored.Body) is { IsEmpty: false } keys
                ? (new StoredInvite(token, name, keys), null)
                : (null, Unusable);
    }

    public async ValueTask<bool> IsKeyValidAsync(string validityUrl, string publicKey)
    {
        if (!Uri.TryCreate(validityUrl, UriKind.Absolute, out var uri))
            return false;
        var asked = new UriBuilder(uri)
        {
            Query = (uri.Query.Length > 1 ? uri.Query[1..] + "&" : string.Empty)
                + "public_key=" + Uri.EscapeDataString(publicKey),
        };
        var (status, body, _) = await client.SendAsync(HttpMethod.Get, asked.Uri, null, null);
        return status == 200 && body.TryGetProperty("valid"u8, out var valid) && valid.ValueKind == JsonValueKind.True;
    }

    private static MatrixError Unusable { get; } = new(
        502, ErrCodes.Unknown, "The identity server's answer cannot be used.");

    /// <summary>The body, also of a refusal.</summary>
    private async ValueTask<(JsonElement Body, MatrixError? Error)> SendAsync(
        ThirdPartyTarget target, HttpMethod method, string path, byte[]? content)
    {
        // Not every server name is a host that a URI can have: a port may be beyond 65535.
        var (status, body, problem) = Uri.TryCreate(
            $"https://{target.IdentityServer}{V2}{path}", UriKind.Absolute, out var uri)
                ? await client.SendAsync(method, uri, target.AccessToken, content)
                : (0, default, "it is no host");
        if (problem is not null)
            return (default, new MatrixError(502, ErrCodes.Unknown, "The identity server cannot be reached.", problem));
        return status switch
        {
            200 => (body, null),
            >= 400 and < 500 => (body, RefusalOf(status, body)),
            _ => (body, new MatrixError(502, ErrCodes.Unknown, "The identity server has failed.", $"status {status}")),
        };
    }

    /// <summary>Its words, but not its errcode: M_UNKNOWN_TOKEN is about its token, not about ours.</summary>
    private static MatrixError RefusalOf(int status, JsonElement body)
    {
        var errCode = ReceivedJson.Text(body, "errcode");
        var message = RemoteErrors.Shortened(ReceivedJson.Text(body, "error") ?? string.Empty);
        return new MatrixError(
            403,
            errCode == ErrCodes.TermsNotSigned ? ErrCodes.TermsNotSigned : ErrCodes.Forbidden,
            $"The identity server refused: {message}",
            $"{status} {errCode}");
    }

    private static string? Algorithm(JsonElement details)
    {
        if (!details.TryGetProperty("algorithms"u8, out var list) || list.ValueKind != JsonValueKind.Array)
            return null;
        var known = list.EnumerateArray()
            .Where(entry => entry.ValueKind == JsonValueKind.String)
            .Select(entry => entry.GetString());
        return known.Contains("sha256") ? "sha256" : known.Contains("none") ? "none" : null;
    }

    private static string Hash(ThirdPartyTarget target, string algorithm, string pepper)
    {
        var plain = $"{Normalised(target)} {target.Medium}";
        return algorithm == "none"
            ? plain
            : UnpaddedBase64.EncodeUrlSafe(SHA256.HashData(Encoding.UTF8.GetBytes($"{plain} {pepper}")));
    }

    /// <summary>Spec: v1.19 appendices #3pid-types: e-mail addresses are compared in lower case.</summary>
    private static string Normalised(ThirdPartyTarget target) =>
        target.Medium == "email" ? target.Address.ToLowerInvariant() : target.Address;

    private static ImmutableArray<IdentityKey> Keys(JsonElement stored)
    {
        var keys = ImmutableArray.CreateBuilder<IdentityKey>();
        if (stored.TryGetProperty("public_keys"u8, out var list) && list.ValueKind == JsonValueKind.Array)
        {
            foreach (var entry in list.EnumerateArray().Take(KeysMax))
            {
                if (ReceivedJson.Text(entry, "public_key") is { } key
                    && ReceivedJson.Text(entry, "key_validity_url") is { } url)
                    keys.Add(new IdentityKey(key, url));
            }
        }
        return keys.ToImmutable();
    }

    private static byte[] Object(Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            write(json);
            json.WriteEndObject();
        }
        return buffer.WrittenSpan.ToArray();
    }
}
