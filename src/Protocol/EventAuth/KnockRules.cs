using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Protocol.EventAuth;

/// <summary>Rule 4.6 (from version 8 on: 4.7, version 12: 5.7): knocks.</summary>
internal static class KnockRules
{
    public static AuthOutcome Check(AuthContext context, UserId target)
    {
        // 4.6.1
        var joinRule = JoinRule.Of(context.State.Get(AuthTuples.JoinRules));
        if (!joinRule.Is("knock"u8) && !(context.Rules.KnockRestrictedJoins && joinRule.Is("knock_restricted"u8)))
            return context.Refuse(AuthRule.KnockJoinRule, "The join rule does not let anyone knock.");
        // 4.6.2
        if (context.Pdu.Sender != target)
            return context.Refuse(AuthRule.KnockSender, "Only a user can knock as that user.");
        // 4.6.3
        if (context.State.GetMembership(target) is not (Membership.Ban or Membership.Invite or Membership.Join))
            return context.Allow(AuthRule.KnockOutside);
        // 4.6.4
        return context.Refuse(AuthRule.KnockOtherwise, "A banned, invited or joined user cannot knock.");
    }
}
