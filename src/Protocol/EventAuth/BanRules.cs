using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Protocol.EventAuth;

/// <summary>Rule 5.5 (from version 8 on: 4.6, version 12: 5.6): bans.</summary>
internal static class BanRules
{
    public static AuthOutcome Check(AuthContext context, UserId target)
    {
        // 5.5.1
        if (!context.IsSenderJoined)
            return context.Refuse(AuthRule.BanSenderJoined, "Only a joined user can ban.");
        // 5.5.2
        if (context.SenderLevel >= context.Levels.Ban && context.Levels.UserLevel(target) < context.SenderLevel)
            return context.Allow(AuthRule.BanLevel);
        // 5.5.3
        return context.Refuse(
            AuthRule.BanOtherwise, "The sender's power level is below the ban level or not above the user's.");
    }
}
