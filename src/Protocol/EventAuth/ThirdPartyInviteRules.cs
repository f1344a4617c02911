using System.Text.Json;
using Matrix.EventSourced.Protocol.Identifiers;

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
        if (ThirdPartyInviteKeys.FindSigner(signed, offered) is not null)
            return context.Allow(AuthRule.ThirdPartySignature);
        // 5.3.1.8
        return context.Refuse(
            AuthRule.ThirdPartyOtherwise, "No signature matches a public key of the third-party invite.");
    }
}
