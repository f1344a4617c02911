using System.Text.Json;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.Signing;

namespace Matrix.EventSourced.Protocol.EventAuth;

/// <summary>Rule 5.3.1 (from version 8 on: 4.4.1, version 12: 5.4.1): an invite that redeems a third-party
/// invite.</summary>
internal static class ThirdPartyInviteRules
{
    public static AuthOutcome Check(AuthContext context, UserId target, JsonElement invite)
    {
        // 5.3.1.1
        if (context.State.GetMembership(target) == Membership.Ban)
            return context.Refuse(AuthRule.ThirdPartyTargetNotBanned, "A banned user cannot be invited.");
        // 5.3.1.2
        if (!invite.TryFind("signed"u8, out var signed))
            return context.Refuse(AuthRule.ThirdPartySigned, "The third_party_invite has no signed property.");
        // 5.3.1.3
        if (signed.FindString("mxid"u8) is not { } mxid || signed.FindString("token"u8) is not { } token)
            return context.Refuse(AuthRule.ThirdPartyShape, "The signed property has no mxid or no token.");
        // 5.3.1.4
        if (mxid != target.Value)
            return context.Refuse(AuthRule.ThirdPartyMxid, "The mxid is not the state_key.");
        // 5.3.1.5
        if (context.State.Get(AuthTuples.ThirdPartyInvite(token)) is not { } offered)
            return context.Refuse(AuthRule.ThirdPartyToken, "The room has no third-party invite with this token.");
        // 5.3.1.6
        if (offered.Sender != context.Pdu.Sender)
            return context.Refuse(AuthRule.ThirdPartySender, "The third-party invite is another user's.");
        // 5.3.1.7
        if (HasValidSignature(signed, offered))
            return context.Allow(AuthRule.ThirdPartySignature);
        // 5.3.1.8
        return context.Refuse(
            AuthRule.ThirdPartyOtherwise, "No signature matches a public key of the third-party invite.");
    }

    /// <summary>Tries signatures against keys up to <see cref="Limits.ThirdPartyInviteVerificationsMax"/>: both lists
    /// are a stranger's.</summary>
    private static bool HasValidSignature(JsonElement signed, Pdu offered)
    {
        var publicKeys = PublicKeys(offered.Content);
        if (!signed.TryFind("signatures"u8, out var servers) || servers.ValueKind != JsonValueKind.Object)
            return false;
        var tries = 0;
        foreach (var server in servers.EnumerateObject())
        {
            if (server.Value.ValueKind != JsonValueKind.Object || !ServerName.TryParse(server.Name, out var serverName))
                continue;
            foreach (var signature in server.Value.EnumerateObject())
            {
                if (!KeyId.TryParse(signature.Name, out var keyId))
                    continue;
                foreach (var publicKey in publicKeys)
                {
                    if (++tries > Limits.ThirdPartyInviteVerificationsMax)
                        return false;
                    if (JsonSigning.Verify(signed, serverName, keyId, publicKey))
                        return true;
                }
            }
        }
        return false;
    }

    private static List<byte[]> PublicKeys(JsonElement content)
    {
        var keys = new List<byte[]>();
        // 5.3.1.7.1
        Add(content, keys);
        // 5.3.1.7.2
        if (content.TryFind("public_keys"u8, out var list) && list.ValueKind == JsonValueKind.Array)
        {
            foreach (var entry in list.EnumerateArray())
                Add(entry, keys);
        }
        return keys;
    }

    private static void Add(JsonElement holder, List<byte[]> keys)
    {
        if (holder.FindString("public_key"u8) is { } text && TryDecode(text, out var key))
            keys.Add(key);
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
