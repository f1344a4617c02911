using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Protocol.EventAuth;

/// <summary>Rule 5.4 (from version 8 on: 4.5, version 12: 5.5): leaving, refusing, kicking, unbanning.</summary>
internal static class LeaveRules
{
    public static AuthOutcome Check(AuthContext context, UserId target)
    {
        var membership = context.State.GetMembership(target);
        // 5.4.1
        if (context.Pdu.Sender == target)
        {
            var mayLeave = membership is Membership.Invite or Membership.Join
                || (membership == Membership.Knock && context.Rules.Knocking);
            return mayLeave
                ? context.Allow(AuthRule.LeaveSelf)
                : context.Refuse(AuthRule.LeaveSelf, "Only a joined, invited or knocking user can leave.");
        }
        // 5.4.2
        if (!context.IsSenderJoined)
            return context.Refuse(AuthRule.LeaveSenderJoined, "Only a joined user can make another one leave.");
        // 5.4.3
        if (membership == Membership.Ban && context.SenderLevel < context.Levels.Ban)
            return context.Refuse(
                AuthRule.LeaveUnban, "The user is banned and the sender's power level is below the ban level.");
        // 5.4.4
        if (context.SenderLevel >= context.Levels.Kick && context.Levels.UserLevel(target) < context.SenderLevel)
            return context.Allow(AuthRule.LeaveKick);
        // 5.4.5
        return context.Refuse(
            AuthRule.LeaveOtherwise, "The sender's power level is below the kick level or not above the user's.");
    }
}
