using Matrix.EventSourced.Protocol.EventAuth;
using Matrix.EventSourced.Protocol.RoomVersions;
using static Matrix.EventSourced.Protocol.Tests.EventAuth.AuthRoom;

namespace Matrix.EventSourced.Protocol.Tests.EventAuth;

/// <summary>Rows about memberships.</summary>
internal static class MemberCases
{
    public static void Add(AuthCases cases)
    {
        AddShape(cases);
        AddFirstJoin(cases);
        AddJoins(cases);
        AddRestrictedJoins(cases);
        AddInvites(cases);
        AddLeaves(cases);
        AddBans(cases);
        AddKnocks(cases);
    }

    private static AuthRoom Room(RoomVersionRules rules, string levels = "{}") =>
        new AuthRoom(rules).With((Creator, "join"), (Alice, "join")).WithLevels(levels);

    private static string Users(params (string User, int Level)[] users) =>
        "\"users\":{" + string.Join(',', users.Select(entry => $"\"{entry.User}\":{entry.Level}")) + "}";

    private static void AddShape(AuthCases cases)
    {
        cases.Refuses(AuthRule.MemberShape, "a member event without state_key", rules =>
            Room(rules).WithJoinRule("public").Judge("m.room.member", null, Bob, """{"membership":"join"}"""));
        cases.Refuses(AuthRule.MemberShape, "a member event without membership", rules =>
            Room(rules).WithJoinRule("public").Judge("m.room.member", Bob, Bob, "{}"));
        cases.Refuses(AuthRule.MemberShape, "a member event of nobody", rules =>
            Room(rules).WithJoinRule("public").Judge("m.room.member", "", Bob, """{"membership":"join"}"""));
        cases.Passes(AuthRule.MemberShape, AuthRule.JoinPublic, "a member event of full shape", rules =>
            Room(rules).WithJoinRule("public").JudgeMember(Bob, Bob, "join"));
        cases.Refuses(AuthRule.MembershipUnknown, "an unknown membership", rules =>
            Room(rules).JudgeMember(Bob, Bob, "dance"));
        cases.Refuses(AuthRule.MembershipUnknown, "a membership that is no string", rules =>
            Room(rules).Judge("m.room.member", Bob, Bob, """{"membership":1}"""));
        cases.Refuses(
            AuthRule.MembershipUnknown, "a knock, where there is no knocking",
            rules => Room(rules).WithJoinRule("knock").JudgeMember(Bob, Bob, "knock"), rules => !rules.Knocking);
        cases.Passes(AuthRule.MembershipUnknown, AuthRule.LeaveSelf, "a known membership", rules =>
            Room(rules).JudgeMember(Alice, Alice, "leave"));
    }

    private static AuthOutcome FirstJoin(RoomVersionRules rules, string user, bool isAfterCreate)
    {
        var room = new AuthRoom(rules);
        return room.Judge(new PduMaker.Spec("judged", "m.room.member", user, user, """{"membership":"join"}""")
        {
            PrevEvents = isAfterCreate ? [room.Create.EventId] : [room.Create.EventId, room.Id("other")],
        });
    }

    private static void AddFirstJoin(AuthCases cases)
    {
        cases.Allows(AuthRule.JoinAfterCreate, "the creator's join after the create event", rules =>
            FirstJoin(rules, Creator, true));
        cases.RefusesLater(
            AuthRule.JoinAfterCreate, AuthRule.JoinOtherwise, "another user's join after the create event", rules =>
                FirstJoin(rules, Alice, true));
        cases.RefusesLater(
            AuthRule.JoinAfterCreate, AuthRule.JoinOtherwise, "the creator's join after more than the create event",
            rules => FirstJoin(rules, Creator, false));
        cases.RefusesLater(
            AuthRule.JoinAfterCreate, AuthRule.JoinOtherwise, "a named creator who did not send the create event",
            rules => JoinAsNamedCreator(rules), rules => rules.CreatorIsSender);
        cases.Allows(
            AuthRule.JoinAfterCreate, "a named creator who did not send the create event, where the name counts",
            rules => JoinAsNamedCreator(rules), rules => !rules.CreatorIsSender);
    }

    private static AuthOutcome JoinAsNamedCreator(RoomVersionRules rules)
    {
        var room = new AuthRoom(rules);
        var create = PduMaker.Make(
            new("create", "m.room.create", "", Creator, $$"""{"creator":"{{Alice}}"}""")
            {
                RoomId = rules.RoomIdIsCreateHash ? null : room.RoomId,
            },
            rules);
        var join = room.Make(new("judged", "m.room.member", Alice, Alice, """{"membership":"join"}""") { PrevEvents =
            [create.EventId] });
        return EventAuthorisation.Check(join, room, create);
    }

    private static void AddJoins(AuthCases cases)
    {
        cases.Refuses(AuthRule.JoinSender, "a join for another user", rules =>
            Room(rules).WithJoinRule("public").JudgeMember(Alice, Bob, "join"));
        cases.Passes(AuthRule.JoinSender, AuthRule.JoinPublic, "a join for oneself", rules =>
            Room(rules).WithJoinRule("public").JudgeMember(Bob, Bob, "join"));
        cases.Refuses(AuthRule.JoinNotBanned, "a join of a banned user", rules =>
            Room(rules).With((Bob, "ban")).WithJoinRule("public").JudgeMember(Bob, Bob, "join"));
        cases.Passes(AuthRule.JoinNotBanned, AuthRule.JoinPublic, "a join of a user who left", rules =>
            Room(rules).With((Bob, "leave")).WithJoinRule("public").JudgeMember(Bob, Bob, "join"));
        cases.Allows(AuthRule.JoinInvited, "a join of an invited user", rules =>
            Room(rules).With((Bob, "invite")).WithJoinRule("invite").JudgeMember(Bob, Bob, "join"));
        cases.Allows(AuthRule.JoinInvited, "a join of a joined user", rules =>
            Room(rules).With((Bob, "join")).WithJoinRule("invite").JudgeMember(Bob, Bob, "join"));
        cases.Allows(AuthRule.JoinInvited, "a join of an invited user in a room without join rules", rules =>
            Room(rules).With((Bob, "invite")).JudgeMember(Bob, Bob, "join"));
        cases.RefusesLater(AuthRule.JoinInvited, AuthRule.JoinOtherwise, "a join of an uninvited user", rules =>
            Room(rules).WithJoinRule("invite").JudgeMember(Bob, Bob, "join"));
        cases.Allows(
            AuthRule.JoinInvited, "a join of an invited user in a knocking room",
            rules => Room(rules).With((Bob, "invite")).WithJoinRule("knock").JudgeMember(Bob, Bob, "join"), rules =>
                rules.Knocking);
        cases.RefusesLater(
            AuthRule.JoinInvited, AuthRule.JoinOtherwise, "a join of a knocking user",
            rules => Room(rules).With((Bob, "knock")).WithJoinRule("knock").JudgeMember(Bob, Bob, "join"));
        cases.RefusesLater(
            AuthRule.JoinInvited, AuthRule.JoinOtherwise, "a join in a knocking room, where there is no knocking",
            rules => Room(rules).With((Bob, "invite")).WithJoinRule("knock").JudgeMember(Bob, Bob, "join"), rules =>
                !rules.Knocking);
        cases.Allows(AuthRule.JoinPublic, "a join of a public room", rules =>
            Room(rules).WithJoinRule("public").JudgeMember(Bob, Bob, "join"));
        cases.RefusesLater(AuthRule.JoinPublic, AuthRule.JoinOtherwise, "a join of a private room", rules =>
            Room(rules).WithJoinRule("private").JudgeMember(Bob, Bob, "join"));
        cases.Refuses(AuthRule.JoinOtherwise, "a join under an unknown rule", rules =>
            Room(rules).With((Bob, "invite")).WithJoinRule("perhaps").JudgeMember(Bob, Bob, "join"));
        cases.Passes(AuthRule.JoinOtherwise, AuthRule.JoinPublic, "a join under the public rule", rules =>
            Room(rules).WithJoinRule("public").JudgeMember(Bob, Bob, "join"));
    }

    private static AuthOutcome RestrictedJoin(
        RoomVersionRules rules, string joinRule, string? authoriser, string signatures, string levels =
            "{}", string membership = "leave") =>
        Room(rules, levels).With((Bob, membership)).WithJoinRule(joinRule).Judge(new PduMaker.Spec(
            "judged", "m.room.member", Bob, Bob,
            authoriser is null
                ? """{"membership":"join"}"""
                : $$"""{"membership":"join","join_authorised_via_users_server":"{{authoriser}}"}""")
        {
            PrevEvents = [PduMaker.IdOf("before", rules)],
            Signatures = signatures,
        });

    private const string SignedByOne = """{"one.example":{"ed25519:a":"signature"}}""";

    private static void AddRestrictedJoins(AuthCases cases)
    {
        static bool HasRule(RoomVersionRules rules) => rules.RestrictedJoins;
        cases.Refuses(
            AuthRule.MemberAuthoriserSigned, "an authorised join that the authoriser's server did not sign", rules =>
            RestrictedJoin(rules, "restricted", Alice, """{"two.example":{"ed25519:a":"signature"}}"""), HasRule);
        cases.Refuses(AuthRule.MemberAuthoriserSigned, "an authoriser who is no user", rules =>
            RestrictedJoin(rules, "restricted", "one.example", SignedByOne), HasRule);
        cases.Passes(AuthRule.MemberAuthoriserSigned, AuthRule.JoinRestrictedOtherwise,
            "an authorised join with both signatures", rules =>
            RestrictedJoin(rules, "restricted", Alice, SignedByOne), HasRule);
        cases.Allows(AuthRule.JoinRestrictedMember, "a join of an invited user in a restricted room", rules =>
            RestrictedJoin(rules, "restricted", null, "{}", membership: "invite"), HasRule);
        cases.RefusesLater(
            AuthRule.JoinRestrictedMember, AuthRule.JoinRestrictedAuthoriser,
                "a join of a restricted room without authoriser",
            rules => RestrictedJoin(rules, "restricted", null, "{}"), HasRule);
        cases.Refuses(AuthRule.JoinRestrictedAuthoriser, "an authoriser who is not joined", rules =>
            RestrictedJoin(rules, "restricted", "@stranger:one.example", SignedByOne), HasRule);
        cases.Refuses(AuthRule.JoinRestrictedAuthoriser, "an authoriser below the invite level", rules =>
            RestrictedJoin(rules, "restricted", Alice, SignedByOne, """{"invite":50}"""), HasRule);
        cases.Passes(AuthRule.JoinRestrictedAuthoriser, AuthRule.JoinRestrictedOtherwise,
            "an authoriser at the invite level", rules =>
            RestrictedJoin(
                rules, "restricted", Alice, SignedByOne, $$"""{"invite":50,{{Users((Alice, 50))}}}"""), HasRule);
        cases.Allows(AuthRule.JoinRestrictedOtherwise, "an authorised join", rules =>
            RestrictedJoin(rules, "restricted", Alice, SignedByOne), HasRule);
        cases.RefusesLater(
            AuthRule.JoinRestrictedOtherwise, AuthRule.JoinNotBanned, "an authorised join of a banned user",
            rules => RestrictedJoin(rules, "restricted", Alice, SignedByOne, membership: "ban"), HasRule);
        cases.Allows(
            AuthRule.JoinRestrictedOtherwise, "an authorised join of a room that knocking users see, too",
            rules => RestrictedJoin(rules, "knock_restricted", Alice, SignedByOne), rules =>
                rules.KnockRestrictedJoins);
        cases.RefusesLater(
            AuthRule.JoinOtherwise, AuthRule.JoinOtherwise, "knock_restricted, where there is no such rule",
            rules => RestrictedJoin(rules, "knock_restricted", Alice, SignedByOne), rules =>
                !rules.KnockRestrictedJoins);
        cases.RefusesLater(
            AuthRule.JoinOtherwise, AuthRule.JoinOtherwise, "restricted, where there is no such rule",
            rules => RestrictedJoin(rules, "restricted", Alice, SignedByOne), rules => !rules.RestrictedJoins);
    }

    private static void AddInvites(AuthCases cases)
    {
        cases.Refuses(AuthRule.InviteSenderJoined, "an invite from outside", rules =>
            Room(rules).JudgeMember(Bob, Carol, "invite"));
        cases.Passes(AuthRule.InviteSenderJoined, AuthRule.InviteLevel, "an invite from a member", rules =>
            Room(rules).JudgeMember(Alice, Carol, "invite"));
        foreach (var membership in (string[])["join", "ban"])
        {
            cases.Refuses(AuthRule.InviteTargetOutside, $"an invite of a user with membership {membership}", rules =>
                Room(rules).With((Bob, membership)).JudgeMember(Alice, Bob, "invite"));
        }
        cases.Passes(AuthRule.InviteTargetOutside, AuthRule.InviteLevel, "an invite of a user who left", rules =>
            Room(rules).With((Bob, "leave")).JudgeMember(Alice, Bob, "invite"));
        cases.Allows(AuthRule.InviteLevel, "an invite at the invite level", rules =>
            Room(rules, $$"""{"invite":10,{{Users((Alice, 10))}}}""").JudgeMember(Alice, Bob, "invite"));
        cases.RefusesLater(AuthRule.InviteLevel, AuthRule.InviteOtherwise, "an invite below the invite level", rules =>
            Room(rules, $$"""{"invite":10,{{Users((Alice, 9))}}}""").JudgeMember(Alice, Bob, "invite"));
        cases.Refuses(AuthRule.InviteOtherwise, "an invite far below the invite level", rules =>
            Room(rules, """{"invite":100}""").JudgeMember(Alice, Bob, "invite"));
        cases.Passes(AuthRule.InviteOtherwise, AuthRule.InviteLevel, "an invite above the invite level", rules =>
            Room(rules, """{"invite":-1}""").JudgeMember(Alice, Bob, "invite"));
    }

    private static void AddLeaves(AuthCases cases)
    {
        foreach (var membership in (string[])["join", "invite"])
        {
            cases.Allows(AuthRule.LeaveSelf, $"leaving with membership {membership}", rules =>
                Room(rules).With((Bob, membership)).JudgeMember(Bob, Bob, "leave"));
        }
        foreach (var membership in (string[])["leave", "ban"])
        {
            cases.Refuses(AuthRule.LeaveSelf, $"leaving with membership {membership}", rules =>
                Room(rules).With((Bob, membership)).JudgeMember(Bob, Bob, "leave"));
        }
        cases.Refuses(AuthRule.LeaveSelf, "leaving without having been there", rules =>
            Room(rules).JudgeMember(Bob, Bob, "leave"));
        cases.Allows(
            AuthRule.LeaveSelf, "taking back a knock",
            rules => Room(rules).With((Bob, "knock")).JudgeMember(Bob, Bob, "leave"), rules => rules.Knocking);
        cases.Refuses(
            AuthRule.LeaveSelf, "taking back a knock, where there is no knocking",
            rules => Room(rules).With((Bob, "knock")).JudgeMember(Bob, Bob, "leave"), rules => !rules.Knocking);
        cases.Refuses(AuthRule.LeaveSenderJoined, "a kick from outside", rules =>
            Room(rules).JudgeMember(Bob, Alice, "leave"));
        cases.Passes(AuthRule.LeaveSenderJoined, AuthRule.LeaveKick, "a kick from a member", rules =>
            Room(rules, $$"""{{{Users((Alice, 50))}}}""").With((Bob, "join")).JudgeMember(Alice, Bob, "leave"));
        cases.Refuses(AuthRule.LeaveUnban, "an unban below the ban level", rules =>
            Room(rules, $$"""{"ban":60,"kick":0,{{Users((Alice, 50))}}}""").With((Bob, "ban")).JudgeMember(Alice, Bob,
                "leave"));
        cases.Passes(AuthRule.LeaveUnban, AuthRule.LeaveKick, "an unban at the ban level", rules =>
            Room(rules, $$"""{"ban":50,{{Users((Alice, 50))}}}""").With((Bob, "ban")).JudgeMember(Alice, Bob, "leave"));
        cases.Allows(AuthRule.LeaveKick, "a kick at the kick level of a user below", rules =>
            Room(rules, $$"""{{{Users((Alice, 50), (Bob, 49))}}}""").With((Bob, "join")).JudgeMember(Alice, Bob,
                "leave"));
        cases.RefusesLater(AuthRule.LeaveKick, AuthRule.LeaveOtherwise, "a kick of a user at the same level", rules =>
            Room(rules, $$"""{{{Users((Alice, 50), (Bob, 50))}}}""").With((Bob, "join")).JudgeMember(Alice, Bob,
                "leave"));
        cases.Refuses(AuthRule.LeaveOtherwise, "a kick below the kick level", rules =>
            Room(rules, $$"""{{{Users((Alice, 49))}}}""").With((Bob, "join")).JudgeMember(Alice, Bob, "leave"));
        cases.Refuses(AuthRule.LeaveOtherwise, "an unban below the kick level", rules =>
            Room(rules, $$"""{"ban":0,"kick":60,{{Users((Alice, 50))}}}""").With((Bob, "ban")).JudgeMember(Alice, Bob,
                "leave"));
        cases.Passes(AuthRule.LeaveOtherwise, AuthRule.LeaveKick, "a kick above the kick level", rules =>
            Room(rules, $$"""{"kick":0,{{Users((Alice, 1))}}}""").With((Bob, "join")).JudgeMember(Alice, Bob, "leave"));
    }

    private static void AddBans(AuthCases cases)
    {
        cases.Refuses(AuthRule.BanSenderJoined, "a ban from outside", rules =>
            Room(rules).JudgeMember(Bob, Alice, "ban"));
        cases.Passes(AuthRule.BanSenderJoined, AuthRule.BanLevel, "a ban from a member", rules =>
            Room(rules, $$"""{{{Users((Alice, 50))}}}""").JudgeMember(Alice, Bob, "ban"));
        cases.Allows(AuthRule.BanLevel, "a ban at the ban level of a user below", rules =>
            Room(rules, $$"""{{{Users((Alice, 50), (Bob, 49))}}}""").JudgeMember(Alice, Bob, "ban"));
        cases.RefusesLater(AuthRule.BanLevel, AuthRule.BanOtherwise, "a ban of a user at the same level", rules =>
            Room(rules, $$"""{{{Users((Alice, 50), (Bob, 50))}}}""").JudgeMember(Alice, Bob, "ban"));
        cases.Refuses(AuthRule.BanOtherwise, "a ban below the ban level", rules =>
            Room(rules, $$"""{{{Users((Alice, 49))}}}""").JudgeMember(Alice, Bob, "ban"));
        cases.Passes(AuthRule.BanOtherwise, AuthRule.BanLevel, "a ban above the ban level", rules =>
            Room(rules, $$"""{"ban":0,{{Users((Alice, 1))}}}""").JudgeMember(Alice, Bob, "ban"));
        cases.Refuses(
            AuthRule.BanOtherwise, "a ban of an infinitely powerful creator",
            rules => Room(rules, $$"""{{{Users((Alice, 1_000_000))}}}""").JudgeMember(Alice, Creator, "ban"),
            rules => rules.CreatorsHaveInfinitePower);
        cases.Allows(
            AuthRule.BanLevel, "a ban of a creator without a level",
            rules => Room(rules, $$"""{{{Users((Alice, 1_000_000))}}}""").JudgeMember(Alice, Creator, "ban"),
            rules => !rules.CreatorsHaveInfinitePower);
    }

    private static void AddKnocks(AuthCases cases)
    {
        static bool HasRule(RoomVersionRules rules) => rules.Knocking;
        foreach (var joinRule in (string[])["public", "invite", "restricted"])
        {
            cases.Refuses(AuthRule.KnockJoinRule, $"a knock under the join rule {joinRule}", rules =>
                Room(rules).WithJoinRule(joinRule).JudgeMember(Bob, Bob, "knock"), HasRule);
        }
        cases.Passes(AuthRule.KnockJoinRule, AuthRule.KnockOutside, "a knock under the join rule knock", rules =>
            Room(rules).WithJoinRule("knock").JudgeMember(Bob, Bob, "knock"), HasRule);
        cases.Passes(
            AuthRule.KnockJoinRule, AuthRule.KnockOutside, "a knock under the join rule knock_restricted",
            rules => Room(rules).WithJoinRule("knock_restricted").JudgeMember(Bob, Bob, "knock"), rules =>
                rules.KnockRestrictedJoins);
        cases.Refuses(
            AuthRule.KnockJoinRule, "a knock under knock_restricted, where there is no such rule",
            rules => Room(rules).WithJoinRule("knock_restricted").JudgeMember(Bob, Bob, "knock"),
            rules => rules.Knocking && !rules.KnockRestrictedJoins);
        cases.Refuses(AuthRule.KnockSender, "a knock for another user", rules =>
            Room(rules).WithJoinRule("knock").JudgeMember(Alice, Bob, "knock"), HasRule);
        cases.Passes(AuthRule.KnockSender, AuthRule.KnockOutside, "a knock for oneself", rules =>
            Room(rules).With((Bob, "leave")).WithJoinRule("knock").JudgeMember(Bob, Bob, "knock"), HasRule);
        cases.Allows(AuthRule.KnockOutside, "a second knock", rules =>
            Room(rules).With((Bob, "knock")).WithJoinRule("knock").JudgeMember(Bob, Bob, "knock"), HasRule);
        cases.RefusesLater(AuthRule.KnockOutside, AuthRule.KnockOtherwise, "a knock of a member", rules =>
            Room(rules).With((Bob, "join")).WithJoinRule("knock").JudgeMember(Bob, Bob, "knock"), HasRule);
        foreach (var membership in (string[])["ban", "invite"])
        {
            cases.Refuses(AuthRule.KnockOtherwise, $"a knock with membership {membership}", rules =>
                Room(rules).With((Bob, membership)).WithJoinRule("knock").JudgeMember(Bob, Bob, "knock"), HasRule);
        }
        cases.Passes(AuthRule.KnockOtherwise, AuthRule.KnockOutside, "a knock of a stranger", rules =>
            Room(rules).WithJoinRule("knock").JudgeMember(Bob, Bob, "knock"), HasRule);
    }
}
