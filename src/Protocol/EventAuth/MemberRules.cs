using System.Text.Json;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Protocol.EventAuth;

/// <summary>Rule 5 (versions 6 to 11: 4): memberships.</summary>
internal static class MemberRules
{
    public static AuthOutcome Check(AuthContext context)
    {
        // 5.1
        if (context.Pdu.StateKey is not { } stateKey || !context.Content.TryFind("membership"u8, out _))
            return context.Refuse(AuthRule.MemberShape, "A member event has a state_key and a membership.");
        // SPEC?: nothing is said of a state_key that is no user id. Nobody could ever act as such a member, so it is
        // refused here.
        if (!UserId.TryParse(stateKey, out var target))
            return context.Refuse(AuthRule.MemberShape, "The state_key of a member event is a user id.");
        // 5.2, from version 8 on.
        if (context.Rules.RestrictedJoins
            && context.Content.TryFind("join_authorised_via_users_server"u8, out var authoriser)
            && !IsSignedByServerOf(context, authoriser))
        {
            return context.Refuse(
                AuthRule.MemberAuthoriserSigned, "The server of the user who authorised the join has not signed.");
        }
        return MembershipParser.Of(context.Content) switch
        {
            Membership.Join => JoinRules.Check(context, target),
            Membership.Invite => InviteRules.Check(context, target),
            Membership.Leave => LeaveRules.Check(context, target),
            Membership.Ban => BanRules.Check(context, target),
            Membership.Knock when context.Rules.Knocking => KnockRules.Check(context, target),
            _ => context.Refuse(AuthRule.MembershipUnknown, "The membership is not one that this room version knows."),
        };
    }

    /// <summary>
    /// Whether that server's signature is there. That it is a valid one is settled where the keys are: the check of
    /// signatures on receipt demands it of this server too.
    /// </summary>
    private static bool IsSignedByServerOf(AuthContext context, JsonElement authoriser)
    {
        if (authoriser.ValueKind != JsonValueKind.String || !UserId.TryParse(authoriser.GetString(), out var user))
            return false;
        using var signatures = JsonDocument.Parse(context.Pdu.SignaturesUtf8);
        return signatures.RootElement.TryGetProperty(user.Server.Value, out var ofServer)
            && ofServer.ValueKind == JsonValueKind.Object
            && ofServer.GetPropertyCount() > 0;
    }
}
