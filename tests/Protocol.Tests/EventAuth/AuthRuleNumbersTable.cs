using Matrix.EventSourced.Protocol.EventAuth;

namespace Matrix.EventSourced.Protocol.Tests.EventAuth;

/// <summary>The numbers of the rules, written down by hand from the pages of the spec, one column per page that numbers
/// differently.</summary>
internal static class AuthRuleNumbersTable
{
    private static readonly string[] Columns = ["1 2", "3 4 5", "6", "7", "8 9", "10", "11", "12"];

    private const string Text = """
        rule                       | 1-2   | 3-5   | 6     | 7     | 8-9   | 10    | 11    | 12
        CreateHasNoPrevEvents      | 1.1   | 1.1   | 1.1   | 1.1   | 1.1   | 1.1   | 1.1   | 1.1
        CreateRoomId               | 1.2   | 1.2   | 1.2   | 1.2   | 1.2   | 1.2   | 1.2   | 1.2
        CreateRoomVersion          | 1.3   | 1.3   | 1.3   | 1.3   | 1.3   | 1.3   | 1.3   | 1.3
        CreateCreator              | 1.4   | 1.4   | 1.4   | 1.4   | 1.4   | 1.4   | -     | -
        CreateAdditionalCreators   | -     | -     | -     | -     | -     | -     | -     | 1.4
        CreateOtherwise            | 1.5   | 1.5   | 1.5   | 1.5   | 1.5   | 1.5   | 1.4   | 1.5
        RoomIdIsOfCreate           | -     | -     | -     | -     | -     | -     | -     | 2
        AuthEventsDistinct         | 2.1   | 2.1   | 2.1   | 2.1   | 2.1   | 2.1   | 2.1   | 3.1
        AuthEventsSelected         | 2.2   | 2.2   | 2.2   | 2.2   | 2.2   | 2.2   | 2.2   | 3.2
        AuthEventsAccepted         | 2.3   | 2.3   | 2.3   | 2.3   | 2.3   | 2.3   | 2.3   | 3.3
        AuthEventsHaveCreate       | 2.4   | 2.4   | 2.4   | 2.4   | 2.4   | 2.4   | 2.4   | -
        AuthEventsOfRoom           | 2.5   | 2.5   | 2.5   | 2.5   | 2.5   | 2.5   | 2.5   | 3.4
        Federate                   | 3     | 3     | 3     | 3     | 3     | 3     | 3     | 4
        AliasesHasStateKey         | 4.1   | 4.1   | -     | -     | -     | -     | -     | -
        AliasesDomain              | 4.2   | 4.2   | -     | -     | -     | -     | -     | -
        AliasesOtherwise           | 4.3   | 4.3   | -     | -     | -     | -     | -     | -
        MemberShape                | 5.1   | 5.1   | 4.1   | 4.1   | 4.1   | 4.1   | 4.1   | 5.1
        MemberAuthoriserSigned     | -     | -     | -     | -     | 4.2.1 | 4.2.1 | 4.2.1 | 5.2.1
        JoinAfterCreate            | 5.2.1 | 5.2.1 | 4.2.1 | 4.2.1 | 4.3.1 | 4.3.1 | 4.3.1 | 5.3.1
        JoinSender                 | 5.2.2 | 5.2.2 | 4.2.2 | 4.2.2 | 4.3.2 | 4.3.2 | 4.3.2 | 5.3.2
        JoinNotBanned              | 5.2.3 | 5.2.3 | 4.2.3 | 4.2.3 | 4.3.3 | 4.3.3 | 4.3.3 | 5.3.3
        JoinInvited                | 5.2.4 | 5.2.4 | 4.2.4 | 4.2.4 | 4.3.4 | 4.3.4 | 4.3.4 | 5.3.4
        JoinRestrictedMember       | -     | -     | -     | -     | 4.3.5.1 | 4.3.5.1 | 4.3.5.1 | 5.3.5.1
        JoinRestrictedAuthoriser   | -     | -     | -     | -     | 4.3.5.2 | 4.3.5.2 | 4.3.5.2 | 5.3.5.2
        JoinRestrictedOtherwise    | -     | -     | -     | -     | 4.3.5.3 | 4.3.5.3 | 4.3.5.3 | 5.3.5.3
        JoinPublic                 | 5.2.5 | 5.2.5 | 4.2.5 | 4.2.5 | 4.3.6 | 4.3.6 | 4.3.6 | 5.3.6
        JoinOtherwise              | 5.2.6 | 5.2.6 | 4.2.6 | 4.2.6 | 4.3.7 | 4.3.7 | 4.3.7 | 5.3.7
        ThirdPartyTargetNotBanned  | 5.3.1.1 | 5.3.1.1 | 4.3.1.1 | 4.3.1.1 | 4.4.1.1 | 4.4.1.1 | 4.4.1.1 | 5.4.1.1
        ThirdPartySigned           | 5.3.1.2 | 5.3.1.2 | 4.3.1.2 | 4.3.1.2 | 4.4.1.2 | 4.4.1.2 | 4.4.1.2 | 5.4.1.2
        ThirdPartyShape            | 5.3.1.3 | 5.3.1.3 | 4.3.1.3 | 4.3.1.3 | 4.4.1.3 | 4.4.1.3 | 4.4.1.3 | 5.4.1.3
        ThirdPartyMxid             | 5.3.1.4 | 5.3.1.4 | 4.3.1.4 | 4.3.1.4 | 4.4.1.4 | 4.4.1.4 | 4.4.1.4 | 5.4.1.4
        ThirdPartyToken            | 5.3.1.5 | 5.3.1.5 | 4.3.1.5 | 4.3.1.5 | 4.4.1.5 | 4.4.1.5 | 4.4.1.5 | 5.4.1.5
        ThirdPartySender           | 5.3.1.6 | 5.3.1.6 | 4.3.1.6 | 4.3.1.6 | 4.4.1.6 | 4.4.1.6 | 4.4.1.6 | 5.4.1.6
        ThirdPartySignature        | 5.3.1.7 | 5.3.1.7 | 4.3.1.7 | 4.3.1.7 | 4.4.1.7 | 4.4.1.7 | 4.4.1.7 | 5.4.1.7
        ThirdPartyOtherwise        | 5.3.1.8 | 5.3.1.8 | 4.3.1.8 | 4.3.1.8 | 4.4.1.8 | 4.4.1.8 | 4.4.1.8 | 5.4.1.8
        InviteSenderJoined         | 5.3.2 | 5.3.2 | 4.3.2 | 4.3.2 | 4.4.2 | 4.4.2 | 4.4.2 | 5.4.2
        InviteTargetOutside        | 5.3.3 | 5.3.3 | 4.3.3 | 4.3.3 | 4.4.3 | 4.4.3 | 4.4.3 | 5.4.3
        InviteLevel                | 5.3.4 | 5.3.4 | 4.3.4 | 4.3.4 | 4.4.4 | 4.4.4 | 4.4.4 | 5.4.4
        InviteOtherwise            | 5.3.5 | 5.3.5 | 4.3.5 | 4.3.5 | 4.4.5 | 4.4.5 | 4.4.5 | 5.4.5
        LeaveSelf                  | 5.4.1 | 5.4.1 | 4.4.1 | 4.4.1 | 4.5.1 | 4.5.1 | 4.5.1 | 5.5.1
        LeaveSenderJoined          | 5.4.2 | 5.4.2 | 4.4.2 | 4.4.2 | 4.5.2 | 4.5.2 | 4.5.2 | 5.5.2
        LeaveUnban                 | 5.4.3 | 5.4.3 | 4.4.3 | 4.4.3 | 4.5.3 | 4.5.3 | 4.5.3 | 5.5.3
        LeaveKick                  | 5.4.4 | 5.4.4 | 4.4.4 | 4.4.4 | 4.5.4 | 4.5.4 | 4.5.4 | 5.5.4
        LeaveOtherwise             | 5.4.5 | 5.4.5 | 4.4.5 | 4.4.5 | 4.5.5 | 4.5.5 | 4.5.5 | 5.5.5
        BanSenderJoined            | 5.5.1 | 5.5.1 | 4.5.1 | 4.5.1 | 4.6.1 | 4.6.1 | 4.6.1 | 5.6.1
        BanLevel                   | 5.5.2 | 5.5.2 | 4.5.2 | 4.5.2 | 4.6.2 | 4.6.2 | 4.6.2 | 5.6.2
        BanOtherwise               | 5.5.3 | 5.5.3 | 4.5.3 | 4.5.3 | 4.6.3 | 4.6.3 | 4.6.3 | 5.6.3
        KnockJoinRule              | -     | -     | -     | 4.6.1 | 4.7.1 | 4.7.1 | 4.7.1 | 5.7.1
        KnockSender                | -     | -     | -     | 4.6.2 | 4.7.2 | 4.7.2 | 4.7.2 | 5.7.2
        KnockOutside               | -     | -     | -     | 4.6.3 | 4.7.3 | 4.7.3 | 4.7.3 | 5.7.3
        KnockOtherwise             | -     | -     | -     | 4.6.4 | 4.7.4 | 4.7.4 | 4.7.4 | 5.7.4
        MembershipUnknown          | 5.6   | 5.6   | 4.6   | 4.7   | 4.8   | 4.8   | 4.8   | 5.8
        SenderJoined               | 6     | 6     | 5     | 5     | 5     | 5     | 5     | 6
        ThirdPartyInviteLevel      | 7.1   | 7.1   | 6.1   | 6.1   | 6.1   | 6.1   | 6.1   | 7.1
        RequiredLevel              | 8     | 8     | 7     | 7     | 7     | 7     | 7     | 8
        OwnStateKey                | 9     | 9     | 8     | 8     | 8     | 8     | 8     | 9
        LevelsAreIntegers          | -     | -     | -     | -     | -     | 9.1   | 9.1   | 10.1
        LevelMapsAreIntegers       | -     | -     | -     | -     | -     | 9.2   | 9.2   | 10.2
        UsersAreIntegers           | 10.1  | 10.1  | 9.1   | 9.1   | 9.1   | 9.3   | 9.3   | 10.3
        UsersHaveNoCreator         | -     | -     | -     | -     | -     | -     | -     | 10.4
        NoLevelsBefore             | 10.2  | 10.2  | 9.2   | 9.2   | 9.2   | 9.4   | 9.4   | 10.5
        LevelsCurrent              | 10.3.1 | 10.3.1 | 9.3.1 | 9.3.1 | 9.3.1 | 9.5.1 | 9.5.1 | 10.6.1
        LevelsNew                  | 10.3.2 | 10.3.2 | 9.3.2 | 9.3.2 | 9.3.2 | 9.5.2 | 9.5.2 | 10.6.2
        EventsCurrent              | 10.4.1 | 10.4.1 | 9.4.1 | 9.4.1 | 9.4.1 | 9.6.1 | 9.6.1 | 10.7.1
        EventsNew                  | 10.5.1 | 10.5.1 | 9.5.1 | 9.5.1 | 9.5.1 | 9.7.1 | 9.7.1 | 10.8.1
        UsersCurrent               | 10.6.1 | 10.6.1 | 9.6.1 | 9.6.1 | 9.6.1 | 9.8.1 | 9.8.1 | 10.9.1
        UsersNew                   | 10.7.1 | 10.7.1 | 9.7.1 | 9.7.1 | 9.7.1 | 9.9.1 | 9.9.1 | 10.10.1
        PowerLevelsOtherwise       | 10.8  | 10.8  | 9.8   | 9.8   | 9.8   | 9.10  | 9.10  | 10.11
        RedactionLevel             | 11.1  | -     | -     | -     | -     | -     | -     | -
        RedactionDomain            | 11.2  | -     | -     | -     | -     | -     | -     | -
        RedactionOtherwise         | 11.3  | -     | -     | -     | -     | -     | -     | -
        Otherwise                  | 12    | 11    | 10    | 10    | 10    | 10    | 10    | 11
        """;

    private static readonly Dictionary<(string Version, AuthRule Rule), string> Numbers = Parse();

    /// <summary>The rule's number, or null in a version that has no such rule.</summary>
    public static string? Find(string version, AuthRule rule) => Numbers.GetValueOrDefault((version, rule));

    private static Dictionary<(string Version, AuthRule Rule), string> Parse()
    {
        var numbers = new Dictionary<(string Version, AuthRule Rule), string>();
        foreach (var line in Text.Split('\n').Skip(1))
        {
            var cells = line.Split('|', StringSplitOptions.TrimEntries);
            for (var column = 0; column < Columns.Length; column++)
            {
                if (cells[column + 1] == "-")
                    continue;
                foreach (var version in Columns[column].Split(' '))
                    numbers.Add((version, Enum.Parse<AuthRule>(cells[0])), cells[column + 1]);
            }
        }
        return numbers;
    }
}
