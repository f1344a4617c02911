using System.Text.Json;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Json;
using Matrix.EventSourced.Protocol.Signing;

namespace Matrix.EventSourced.Protocol.Pdus;

/// <summary>Which servers must have signed a PDU, and whether they have.</summary>
/// <remarks>
/// Spec: v1.19 server-server-api #validating-hashes-and-signatures-on-received-events; rooms/v3 #authorisation-rules;
/// rooms/v8 #authorisation-rules (the authorising server); rooms/v5 #signing-key-validity-period.
/// <code>
///   sender's server            always, but for an invite through a third party: another server may send that
///   event id's server          versions 1 and 2
///   authorising user's server  from version 8: a member PDU with join_authorised_via_users_server
/// </code>
/// An invite through a third party thus needs no server's in versions 3 and later: authorisation checks the signature
/// of the identity server inside. Pure: fetching the keys is the caller's. What is signed is what a redaction leaves.
/// </remarks>
public static class PduSignatures
{
    /// <summary>The servers without whose signature the PDU is dropped, each once; null if no signature could do, since
    /// the authorising user is none.</summary>
    public static IReadOnlyList<ServerName>? RequiredServers(Pdu pdu)
    {
        var servers = new List<ServerName>(2);
        if (!IsThirdPartyInvite(pdu))
            servers.Add(pdu.Sender.Server);
        if (pdu.Rules.EventIdServerSigns)
        {
            if (pdu.EventId.Server is not { } eventIdServer)
                return null;
            AddOnce(servers, eventIdServer);
        }
        if (pdu.Rules.RestrictedJoins && pdu.Type == EventTypes.Member
            && pdu.Content.TryGetProperty("join_authorised_via_users_server"u8, out var authoriser))
        {
            if (authoriser.ValueKind != JsonValueKind.String
                || !UserId.TryParse(authoriser.GetString(), out var userId))
            {
                return null;
            }
            AddOnce(servers, userId.Server);
        }
        return servers;
    }

    /// <summary>The keys with which a server says it has signed the PDU: what to look for in its list.</summary>
    public static IReadOnlyList<KeyId> KeyIds(Pdu pdu, ServerName server)
    {
        var signatures = Parse(pdu.SignaturesUtf8);
        if (!signatures.TryGetProperty(server.Value, out var ofServer) || ofServer.ValueKind != JsonValueKind.Object)
            return [];
        var keyIds = new List<KeyId>(1);
        foreach (var signature in ofServer.EnumerateObject())
        {
            if (KeyId.TryParse(signature.Name, out var keyId) && keyId.IsEd25519)
                keyIds.Add(keyId);
        }
        return keyIds;
    }

    /// <summary>Whether the server has signed the PDU: at least one signature is with a key that counts, and all that
    /// are hold.</summary>
    /// <remarks>Signatures with unknown or expired keys are passed over, as the policy server's is.</remarks>
    public static bool IsSignedBy(Pdu pdu, ServerKeys keys, long nowMs)
    {
        var signed = SignedPart(pdu);
        var hasOne = false;
        foreach (var keyId in KeyIds(pdu, keys.Server))
        {
            var key = keys.FindForPdu(keyId, pdu.OriginServerTs, pdu.Rules.EnforcesKeyValidity, nowMs);
            if (key is null)
                continue;
            if (!Holds(pdu, keys.Server, key, signed))
                return false;
            hasOne = true;
        }
        return hasOne;
    }

    /// <summary>The bytes that are signed: redacted, without signatures and <c>unsigned</c>.</summary>
    public static byte[] SignedPart(Pdu pdu)
    {
        var sink = new Utf8Sink(pdu.Json.Length);
        Redaction.WriteSigned(pdu.Json.Span, pdu.Type, pdu.Rules, ref sink);
        var signed = sink.ToArray();
        sink.Dispose();
        return signed;
    }

    private static bool Holds(Pdu pdu, ServerName server, VerifyKey key, byte[] signed)
    {
        Span<byte> signature = stackalloc byte[64];
        return JsonSigning.FindIn(pdu.SignaturesUtf8, server, key.KeyId) is { } text
            && UnpaddedBase64.TryDecodeExact(text, signature)
            && JsonSigning.Verify(signed, signature, key.KeyId, key.PublicKey.Span);
    }

    private static bool IsThirdPartyInvite(Pdu pdu) =>
        pdu.Type == EventTypes.Member
        && pdu.Membership == "invite"
        && pdu.Content.TryGetProperty("third_party_invite"u8, out var invite)
        && invite.ValueKind == JsonValueKind.Object;

    private static void AddOnce(List<ServerName> servers, ServerName server)
    {
        if (!servers.Contains(server))
            servers.Add(server);
    }

    private static JsonElement Parse(ReadOnlyMemory<byte> utf8) =>
        JsonElement.Parse(utf8.Span, new JsonDocumentOptions { MaxDepth = Limits.JsonDepthMax });
}
