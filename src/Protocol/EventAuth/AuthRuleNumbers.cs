using System.Collections.Frozen;
using System.Globalization;
using Matrix.EventSourced.Protocol.RoomVersions;

namespace Matrix.EventSourced.Protocol.EventAuth;

/// <summary>The numbers of the authorisation rules on the page of a room version, counted from the version's
/// switches.</summary>
/// <remarks>
/// Spec: v1.19 rooms/v1..v12 #authorisation-rules. A list is numbered as the page shows it: version 12's source skips
/// 3.4 and repeats 10.10, the page counts on.
/// </remarks>
internal sealed class AuthRuleNumbers
{
    private static readonly FrozenDictionary<string, AuthRuleNumbers> VersionToNumbers =
        RoomVersionRules.All.ToFrozenDictionary(rules => rules.Version, rules => new AuthRuleNumbers(rules));

    private readonly string?[] _numbers = new string?[Enum.GetValues<AuthRule>().Length];
    private readonly AuthOutcome.Allowed?[] _allowed;
    private readonly RoomVersionRules _rules;
    private int _top;

    private AuthRuleNumbers(RoomVersionRules rules)
    {
        _rules = rules;
        NumberCreate();
        NumberAuthEvents();
        NumberTop(AuthRule.Federate);
        if (rules.AliasesAreAuthorised)
            NumberList(NextTop(), AuthRule.AliasesHasStateKey, AuthRule.AliasesDomain, AuthRule.AliasesOtherwise);
        NumberMember();
        NumberTop(AuthRule.SenderJoined);
        NumberList(NextTop(), AuthRule.ThirdPartyInviteLevel);
        NumberTop(AuthRule.RequiredLevel);
        NumberTop(AuthRule.OwnStateKey);
        NumberPowerLevels();
        if (rules.RedactionIsAuthorised)
            NumberList(NextTop(), AuthRule.RedactionLevel, AuthRule.RedactionDomain, AuthRule.RedactionOtherwise);
        NumberTop(AuthRule.Otherwise);
        _allowed = [.. _numbers.Select(number => number is null ? null : new AuthOutcome.Allowed(number))];
    }

    public static AuthRuleNumbers Of(RoomVersionRules rules) => VersionToNumbers[rules.Version];

    /// <summary>The rule's number, or null in a version that has no such rule.</summary>
    public string? Find(AuthRule rule) => _numbers[(int)rule];

    public AuthOutcome Allow(AuthRule rule) => _allowed[(int)rule] ?? throw Missing(rule);

    public AuthOutcome Refuse(AuthRule rule, string reason) =>
        new AuthOutcome.Refused(_numbers[(int)rule] ?? throw Missing(rule), reason);

    private InvalidOperationException Missing(AuthRule rule) =>
        new($"Room version {_rules.Version} has no rule {rule}.");

    private void NumberCreate() => NumberList(
        NextTop(),
        AuthRule.CreateHasNoPrevEvents,
        AuthRule.CreateRoomId,
        AuthRule.CreateRoomVersion,
        _rules.CreatorIsSender ? null : AuthRule.CreateCreator,
        _rules.CreatorsHaveInfinitePower ? AuthRule.CreateAdditionalCreators : null,
        AuthRule.CreateOtherwise);

    private void NumberAuthEvents()
    {
        if (_rules.RoomIdIsCreateHash)
            NumberTop(AuthRule.RoomIdIsOfCreate);
        NumberList(
            NextTop(),
            AuthRule.AuthEventsDistinct,
            AuthRule.AuthEventsSelected,
            AuthRule.AuthEventsAccepted,
            _rules.CreateIsInAuthEvents ? AuthRule.AuthEventsHaveCreate : null,
            AuthRule.AuthEventsOfRoom);
    }

    private void NumberMember()
    {
        var member = NextTop();
        var section = 0;
        Number(AuthRule.MemberShape, member, ++section);
        if (_rules.RestrictedJoins)
            NumberList(Join(member, ++section), AuthRule.MemberAuthoriserSigned);
        var join = Join(member, ++section);
        NumberList(
            join,
            AuthRule.JoinAfterCreate, AuthRule.JoinSender, AuthRule.JoinNotBanned, AuthRule.JoinInvited,
            _rules.RestrictedJoins ? AuthRule.JoinRestrictedMember : null, AuthRule.JoinPublic, AuthRule.JoinOtherwise);
        if (_rules.RestrictedJoins)
        {
            NumberList(
                Find(AuthRule.JoinRestrictedMember)!,
                AuthRule.JoinRestrictedMember, AuthRule.JoinRestrictedAuthoriser, AuthRule.JoinRestrictedOtherwise);
        }
        var invite = Join(member, ++section);
        NumberList(
            Join(invite, 1),
            AuthRule.ThirdPartyTargetNotBanned, AuthRule.ThirdPartySigned, AuthRule.ThirdPartyShape,
                AuthRule.ThirdPartyMxid,
            AuthRule.ThirdPartyToken, AuthRule.ThirdPartySender, AuthRule.ThirdPartySignature,
                AuthRule.ThirdPartyOtherwise);
        Number(AuthRule.InviteSenderJoined, invite, 2);
        Number(AuthRule.InviteTargetOutside, invite, 3);
        Number(AuthRule.InviteLevel, invite, 4);
        Number(AuthRule.InviteOtherwise, invite, 5);
        NumberList(
            Join(member, ++section),
            AuthRule.LeaveSelf, AuthRule.LeaveSenderJoined, AuthRule.LeaveUnban, AuthRule.LeaveKick,
                AuthRule.LeaveOtherwise);
        NumberList(Join(member, ++section), AuthRule.BanSenderJoined, AuthRule.BanLevel, AuthRule.BanOtherwise);
        if (_rules.Knocking)
        {
            NumberList(
                Join(member, ++section),
                AuthRule.KnockJoinRule, AuthRule.KnockSender, AuthRule.KnockOutside, AuthRule.KnockOtherwise);
        }
        Number(AuthRule.MembershipUnknown, member, ++section);
    }

    private void NumberPowerLevels()
    {
        var levels = NextTop();
        NumberList(
            levels,
            _rules.IntegerPowerLevels ? AuthRule.LevelsAreIntegers : null,
            _rules.IntegerPowerLevels ? AuthRule.LevelMapsAreIntegers : null,
            AuthRule.UsersAreIntegers,
            _rules.CreatorsHaveInfinitePower ? AuthRule.UsersHaveNoCreator : null,
            AuthRule.NoLevelsBefore,
            AuthRule.LevelsCurrent,
            AuthRule.EventsCurrent,
            AuthRule.EventsNew,
            AuthRule.UsersCurrent,
            AuthRule.UsersNew,
            AuthRule.PowerLevelsOtherwise);
        // These have one or two rules of their own below their number.
        NumberList(Find(AuthRule.LevelsCurrent)!, AuthRule.LevelsCurrent, AuthRule.LevelsNew);
        foreach (var rule in (AuthRule[])[AuthRule.EventsCurrent, AuthRule.EventsNew, AuthRule.UsersCurrent,
            AuthRule.UsersNew])
            NumberList(Find(rule)!, rule);
    }

    private string NextTop() => (++_top).ToString(CultureInfo.InvariantCulture);

    private void NumberTop(AuthRule rule) => _numbers[(int)rule] = NextTop();

    private void Number(AuthRule rule, string parent, int number) => _numbers[(int)rule] = Join(parent, number);

    /// <summary>Numbers the rules of one list in order; null is a rule that this version does not have.</summary>
    private void NumberList(string parent, params ReadOnlySpan<AuthRule?> rules)
    {
        var number = 0;
        foreach (var rule in rules)
        {
            if (rule is { } present)
                Number(present, parent, ++number);
        }
    }

    private static string Join(string parent, int number) =>
        string.Create(CultureInfo.InvariantCulture, $"{parent}.{number}");
}
