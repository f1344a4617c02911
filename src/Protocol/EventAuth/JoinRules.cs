using System.Text.Json;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;

namespace Matrix.EventSourced.Protocol.EventAuth;

/// <summary>Rule 5.2 (from version 8 on: 4.3, version 12: 5.3): joins.</summary>
internal static class JoinRules
{
    public static AuthOutcome Check(AuthContext context, UserId target)
    {
        var pdu = context.Pdu;
        // 5.2.1
        if (pdu.PrevEvents is [var onlyPrevEvent] && onlyPrevEvent == context.Create.EventId
            && IsCreator(context, target))
            return context.Allow(AuthRule.JoinAfterCreate);
        // 5.2.2
        if (pdu.Sender != target)
            return context.Refuse(AuthRule.JoinSender, "Only a user can join as that user.");
        // 5.2.3
        var membership = context.State.GetMembership(target);
        if (membership == Membership.Ban)
            return context.Refuse(AuthRule.JoinNotBanned, "The sender is banned.");
        var joinRule = JoinRule.Of(context.State.Get(AuthTuples.JoinRules));
        var isInside = membership is Membership.Invite or Membership.Join;
        // 5.2.4
        if (isInside && (joinRule.Is("invite"u8) || (context.Rules.Knocking && joinRule.Is("knock"u8))))
            return context.Allow(AuthRule.JoinInvited);
        // 4.3.5, from version 8 on.
        if (IsRestricted(context, joinRule))
            return CheckRestricted(context, isInside);
        // 5.2.5
        if (joinRule.Is("public"u8))
            return context.Allow(AuthRule.JoinPublic);
        // 5.2.6
        return context.Refuse(AuthRule.JoinOtherwise, "The join rule lets nobody in who is not invited.");
    }

    private static bool IsRestricted(AuthContext context, JoinRule joinRule) =>
        (context.Rules.RestrictedJoins && joinRule.Is("restricted"u8))
        || (context.Rules.KnockRestrictedJoins && joinRule.Is("knock_restricted"u8));

    private static AuthOutcome CheckRestricted(AuthContext context, bool isInside)
    {
        // 4.3.5.1
        if (isInside)
            return context.Allow(AuthRule.JoinRestrictedMember);
        // 4.3.5.2
        if (!UserId.TryParse(context.Content.FindString("join_authorised_via_users_server"u8), out var authoriser))
            return context.Refuse(
                AuthRule.JoinRestrictedAuthoriser, "The join is restricted and no user authorised it.");
        if (context.State.GetMembership(authoriser) != Membership.Join)
            return context.Refuse(AuthRule.JoinRestrictedAuthoriser, "The user who authorised the join is not joined.");
        if (context.Levels.UserLevel(authoriser) < context.Levels.Invite)
            return context.Refuse(
                AuthRule.JoinRestrictedAuthoriser, "The user who authorised the join may not invite.");
        // 4.3.5.3
        return context.Allow(AuthRule.JoinRestrictedOtherwise);
    }

    private static bool IsCreator(AuthContext context, UserId user) => context.Rules.CreatorIsSender
        ? context.Create.Sender == user
        : context.Create.Content.FindString("creator"u8) == user.Value;
}

/// <summary>The join rule in force; a room without one has none that lets anyone in by itself: <c>invite</c>.</summary>
/// <remarks>Spec: v1.19 client-server-api #mroomjoin_rules.</remarks>
internal readonly struct JoinRule
{
    private readonly JsonElement _value;
    private readonly bool _isDefault;

    private JoinRule(JsonElement value, bool isDefault)
    {
        _value = value;
        _isDefault = isDefault;
    }

    public static JoinRule Of(Pdu? joinRules) =>
        joinRules is not null && joinRules.Content.TryFind("join_rule"u8, out var value)
            ? new(value, false)
            : new(default, true);

    public bool Is(ReadOnlySpan<byte> rule) => _isDefault
        ? rule.SequenceEqual("invite"u8)
        : _value.ValueKind == JsonValueKind.String && _value.ValueEquals(rule);
}
