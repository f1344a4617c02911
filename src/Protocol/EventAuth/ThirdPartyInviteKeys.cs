using System.Text.Json;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.Signing;

namespace Matrix.EventSourced.Protocol.EventAuth;

/// <summary>A key of a third-party invite, as the invite writes it, and where it says to ask whether it still
/// counts.</summary>
/// <remarks>Shape: PublicKey is base64 of either alphabet. ValidityUrl is null where the key counts for good.</remarks>
public sealed record ThirdPartyInviteKey(string PublicKey, string? ValidityUrl);

/// <summary>The keys with which an <c>m.room.third_party_invite</c> may be redeemed.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #third-party-invites; rooms/v12 #authorisation-rules (rule 5.4.1.7).
/// Cost: tries signatures against keys up to <see cref="Limits.ThirdPartyInviteVerificationsMax"/>: both lists are a
/// stranger's.
/// </remarks>
public static class ThirdPartyInviteKeys
{
    /// <summary>A key of the offer that has signed; null if none has.</summary>
    /// <param name="signed">The object that the identity server signed.</param>
    /// <param name="offered">The room's <c>m.room.third_party_invite</c>.</param>
    public static ThirdPartyInviteKey? FindSigner(JsonElement signed, Pdu offered)
    {
        var keys = Read(offered.Content);
        if (!signed.TryFind("signatures"u8, out var servers) || servers.ValueKind != JsonValueKind.Object)
            return null;
        var tries = 0;
        foreach (var server in servers.EnumerateObject())
        {
            if (server.Value.ValueKind != JsonValueKind.Object || !ServerName.TryParse(server.Name, out var serverName))
                continue;
            foreach (var signature in server.Value.EnumerateObject())
            {
                if (!KeyId.TryParse(signature.Name, out var keyId))
                    continue;
                foreach (var (bytes, key) in keys)
                {
                    if (++tries > Limits.ThirdPartyInviteVerificationsMax)
                        return null;
                    if (JsonSigning.Verify(signed, serverName, keyId, bytes))
                        return key;
                }
            }
        }
        return null;
    }

    private static List<(byte[] Bytes, ThirdPartyInviteKey Key)> Read(JsonElement content)
    {
        var keys = new List<(byte[], ThirdPartyInviteKey)>();
        // 5.4.1.7.1
        Add(content, keys);
        // 5.4.1.7.2
        if (content.TryFind("public_keys"u8, out var list) && list.ValueKind == JsonValueKind.Array)
        {
            foreach (var entry in list.EnumerateArray())
                Add(entry, keys);
        }
        return keys;
    }

    private static void Add(JsonElement holder, List<(byte[], ThirdPartyInviteKey)> keys)
    {
        if (holder.FindString("public_key"u8) is { } text && TryDecode(text, out var key))
            keys.Add((key, new ThirdPartyInviteKey(text, holder.FindString("key_validity_url"u8))));
    }

    /// <summary>Identity servers write keys in either base64 alphabet, with or without padding.</summary>
    private static bool TryDecode(string text, out byte[] key)
    {
        var standard = text.Replace('-', '+').Replace('_', '/').TrimEnd('=');
        key = new byte[(standard.Length * 3 / 4) + 3];
        var isKey = Convert.TryFromBase64String(standard.PadRight((standard.Length + 3) / 4 * 4, '='), key,
            out var length) && length == 32;
        key = isKey ? key[..32] : [];
        return isKey;
    }
}
