using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Protocol.EventAuth;

/// <summary>Rule 5.3 (from version 8 on: 4.4, version 12: 5.4): invites.</summary>
internal static class InviteRules
{
    public static AuthOutcome Check(AuthContext context, UserId target)
    {
        // 5.3.1
        if (context.Content.TryFind("third_party_invite"u8, out var thirdPartyInvite))
            return ThirdPartyInviteRules.Check(context, target, thirdPartyInvite);
        // 5.3.2
        if (!context.IsSenderJoined)
            return context.Refuse(AuthRule.InviteSenderJoined, "Only a joined user can invite.");
        // 5.3.3
        if (context.State.GetMembership(target) is Membership.Join or Membership.Ban)
            return context.Refuse(AuthRule.InviteTargetOutside, "A joined or banned user cannot be invited.");
        // 5.3.4
        if (context.SenderLevel >= context.Levels.Invite)
            return context.Allow(AuthRule.InviteLevel);
        // 5.3.5
        return context.Refuse(AuthRule.InviteOtherwise, "The sender's power level is below the invite level.");
    }
}
