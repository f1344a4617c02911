using Matrix.EventSourced.Protocol.EventAuth;
using Matrix.EventSourced.Protocol.RoomVersions;
using static Matrix.EventSourced.Protocol.Tests.EventAuth.AuthRoom;

namespace Matrix.EventSourced.Protocol.Tests.EventAuth;

/// <summary>Rows about power levels. Alice has 50 and may change them, Bob and Carol are below, at or above
/// her.</summary>
internal static class PowerLevelsCases
{
    private const string AliceIs50 = $"\"state_default\":50,\"users\":{{\"{Alice}\":50}}";

    private static readonly string[] Named =
        ["users_default", "events_default", "state_default", "ban", "redact", "kick", "invite"];

    public static void Add(AuthCases cases)
    {
        AddShape(cases);
        AddLenientShape(cases);
        AddCreators(cases);
        AddNamed(cases);
        AddMaps(cases);
        AddUsers(cases);
    }

    private static AuthOutcome First(RoomVersionRules rules, string content) =>
        new AuthRoom(rules).With((Alice, "join")).JudgeLevels(Alice, content);

    private static AuthOutcome Change(RoomVersionRules rules, string before, string after) =>
        new AuthRoom(rules).With((Alice, "join"), (Creator, "join")).WithLevels(before).JudgeLevels(Alice, after);

    private static string Levels(string more = "") => "{" + AliceIs50 + (more.Length > 0 ? "," + more : "") + "}";

    /// <summary>Content whose users hold Alice at 50 and others.</summary>
    private static string LevelsWithUsers(string moreUsers) =>
        $$$"""{"state_default":50,"users":{"{{{Alice}}}":50{{{(moreUsers.Length > 0 ? "," + moreUsers : "")}}}}}""";

    private static void AddShape(AuthCases cases)
    {
        static bool IsStrict(RoomVersionRules rules) => rules.IntegerPowerLevels;
        foreach (var name in Named)
        {
            foreach (var bad in (string[])["\"50\"", "null", "50.5", "[]"])
                cases.Refuses(AuthRule.LevelsAreIntegers, $"{name} is {bad}", rules =>
                    First(rules, $$"""{"{{name}}":{{bad}}}"""), IsStrict);
            cases.Passes(AuthRule.LevelsAreIntegers, AuthRule.NoLevelsBefore, $"{name} is an integer", rules =>
                First(rules, $$"""{"{{name}}":-5}"""), IsStrict);
        }
        foreach (var name in (string[])["events", "notifications"])
        {
            foreach (var bad in (string[])["[]", "null", "{\"a\":\"1\"}", "{\"a\":null}", "{\"a\":1.5}"])
                cases.Refuses(AuthRule.LevelMapsAreIntegers, $"{name} is {bad}", rules =>
                    First(rules, $$"""{"{{name}}":{{bad}}}"""), IsStrict);
            cases.Passes(
                AuthRule.LevelMapsAreIntegers, AuthRule.NoLevelsBefore, $"{name} is a map of integers", rules =>
                First(rules, $$$"""{"{{{name}}}":{"a":1}}"""), IsStrict);
        }
        foreach (var bad in (string[])["[]", "null", "{\"alice\":1}", "{\"@bob:two.example\":null}",
            "{\"@bob:two.example\":\"x\"}", "{\"@bob:two.example\":true}"])
            cases.Refuses(AuthRule.UsersAreIntegers, $"users is {bad}", rules =>
                First(rules, $$"""{"users":{{bad}}}"""));
        cases.Refuses(AuthRule.UsersAreIntegers, "users is a map of strings", rules =>
            First(rules, $$$"""{"users":{"{{{Bob}}}":"50"}}"""), IsStrict);
        cases.Passes(AuthRule.UsersAreIntegers, AuthRule.NoLevelsBefore, "users is a map of integers", rules =>
            First(rules, $$$"""{"users":{"{{{Bob}}}":50}}"""));
        cases.Allows(AuthRule.NoLevelsBefore, "the first power levels, however high", rules =>
            First(rules, $$$"""{"ban":1000,"users":{"{{{Bob}}}":1000}}"""));
        cases.RefusesLater(AuthRule.NoLevelsBefore, AuthRule.LevelsNew, "the second power levels, as high", rules =>
            Change(rules, Levels(), Levels("\"ban\":1000")));
    }

    private static void AddLenientShape(AuthCases cases)
    {
        static bool IsLenient(RoomVersionRules rules) => !rules.IntegerPowerLevels;
        foreach (var text in (string[])["\"50\"", "\"00050\"", "\" +50 \"", "\"-50\""])
        {
            cases.Passes(AuthRule.UsersAreIntegers, AuthRule.NoLevelsBefore, $"a user's level is {text}", rules =>
                First(rules, $$$"""{"users":{"{{{Bob}}}":{{{text}}}}}"""), IsLenient);
        }
        foreach (var text in (string[])["\"\"", "\"5 0\"", "\"5.0\"", "\"+-5\"", "\"0x5\"", "\"1_0\"", "1e999"])
        {
            cases.Refuses(AuthRule.UsersAreIntegers, $"a user's level is {text}", rules =>
                First(rules, $$$"""{"users":{"{{{Bob}}}":{{{text}}}}}"""), IsLenient);
        }
        cases.Refuses(AuthRule.UsersAreIntegers, "a level beyond a double", rules =>
            First(rules, """{"ban":1e999}"""), IsLenient);
        cases.Refuses(AuthRule.UsersAreIntegers, "an event's level beyond a double", rules =>
            First(rules, """{"events":{"a":-1e999}}"""), IsLenient);
        cases.Passes(AuthRule.UsersAreIntegers, AuthRule.NoLevelsBefore, "a level in a string", rules =>
            First(rules, """{"ban":"50"}"""), IsLenient);
        cases.Allows(AuthRule.BanLevel, "a ban by a level in a string", rules =>
            WithBob(rules, "\"50\"", "ban"), IsLenient);
        cases.Allows(AuthRule.BanLevel, "a ban by a level in a float", rules =>
            WithBob(rules, "50.57", "ban"), IsLenient);
        cases.Allows(AuthRule.BanLevel, "a ban by a level with an exponent", rules =>
            WithBob(rules, "5.057e1", "ban"), IsLenient);
        cases.RefusesLater(
            AuthRule.BanLevel, AuthRule.BanOtherwise, "a ban by a float that is cut off below the level", rules =>
            WithBob(rules, "49.99", "ban"), IsLenient);
        cases.Passes(
            AuthRule.LevelsCurrent, AuthRule.PowerLevelsOtherwise, "an integer instead of a string is no change",
            rules => Change(rules, Levels("\"ban\":\"90\""), Levels("\"ban\":90")), IsLenient);
    }

    private static AuthOutcome WithBob(RoomVersionRules rules, string level, string membership) => new AuthRoom(rules)
        .With((Bob, "join"))
        .WithLevels($$$"""{"users":{"{{{Bob}}}":{{{level}}}}}""")
        .JudgeMember(Bob, Carol, membership);

    private static AuthOutcome Creators(RoomVersionRules rules, string users) =>
        new AuthRoom(rules, $"\"additional_creators\":[\"{Carol}\"]").With((Creator, "join")).JudgeLevels(Creator,
            $$$"""{"users":{{{{users}}}}}""");

    private static void AddCreators(AuthCases cases)
    {
        static bool HasRule(RoomVersionRules rules) => rules.CreatorsHaveInfinitePower;
        cases.Refuses(AuthRule.UsersHaveNoCreator, "users name the creator", rules =>
            Creators(rules, $"\"{Creator}\":100"), HasRule);
        cases.Refuses(AuthRule.UsersHaveNoCreator, "users name an additional creator", rules =>
            Creators(rules, $"\"{Carol}\":0"), HasRule);
        cases.Passes(AuthRule.UsersHaveNoCreator, AuthRule.NoLevelsBefore, "users name others", rules =>
            Creators(rules, $"\"{Bob}\":100"), HasRule);
        cases.Allows(
            AuthRule.NoLevelsBefore, "users name the creator, where they may",
            rules => Creators(rules, $"\"{Creator}\":100"), rules => !rules.CreatorsHaveInfinitePower);
        cases.Passes(
            AuthRule.UsersNew, AuthRule.PowerLevelsOtherwise, "a creator gives any level",
            rules => new AuthRoom(rules).With((Creator, "join")).WithLevels("{}").JudgeLevels(Creator,
                $$$"""{"users":{"{{{Bob}}}":9007199254740991}}"""),
            HasRule);
    }

    private static void AddNamed(AuthCases cases)
    {
        foreach (var name in Named.Where(name => name != "state_default"))
        {
            cases.Refuses(AuthRule.LevelsCurrent, $"{name} lowered from above", rules =>
                Change(rules, Levels($"\"{name}\":51"), Levels($"\"{name}\":50")));
            cases.Refuses(AuthRule.LevelsCurrent, $"{name} removed from above", rules =>
                Change(rules, Levels($"\"{name}\":51"), Levels()));
            cases.Refuses(AuthRule.LevelsNew, $"{name} raised to above", rules =>
                Change(rules, Levels($"\"{name}\":50"), Levels($"\"{name}\":51")));
            cases.Refuses(AuthRule.LevelsNew, $"{name} added above", rules =>
                Change(rules, Levels(), Levels($"\"{name}\":51")));
            cases.Passes(
                AuthRule.LevelsCurrent, AuthRule.PowerLevelsOtherwise, $"{name} lowered from one's own level", rules =>
                Change(rules, Levels($"\"{name}\":50"), Levels($"\"{name}\":5")));
            cases.Passes(AuthRule.LevelsCurrent, AuthRule.PowerLevelsOtherwise, $"{name} left above", rules =>
                Change(rules, Levels($"\"{name}\":51"), Levels($"\"{name}\":51")));
            cases.Passes(AuthRule.LevelsNew, AuthRule.PowerLevelsOtherwise, $"{name} added at one's own level", rules =>
                Change(rules, Levels(), Levels($"\"{name}\":50")));
        }
        cases.Allows(AuthRule.PowerLevelsOtherwise, "no change", rules => Change(rules, Levels(), Levels()));
        cases.RefusesLater(
            AuthRule.PowerLevelsOtherwise, AuthRule.RequiredLevel, "no change, by someone who may not", rules =>
            new AuthRoom(rules).With((Bob, "join")).WithLevels(Levels()).JudgeLevels(Bob, Levels()));
    }

    private static void AddMaps(AuthCases cases)
    {
        foreach (var name in (string[])["events", "notifications"])
        {
            string With(int? level) => Levels(level is null ? "" : $"\"{name}\":{{\"thing\":{level}}}");
            bool IsChecked(RoomVersionRules rules) => name == "events" || rules.NotificationLevelsAreChecked;
            cases.Refuses(AuthRule.EventsCurrent, $"{name}: lowered from above", rules =>
                Change(rules, With(51), With(50)), IsChecked);
            cases.Refuses(AuthRule.EventsCurrent, $"{name}: removed from above", rules =>
                Change(rules, With(51), With(null)), IsChecked);
            cases.Passes(
                AuthRule.EventsCurrent, AuthRule.PowerLevelsOtherwise, $"{name}: removed from one's own level", rules =>
                Change(rules, With(50), With(null)));
            cases.Refuses(AuthRule.EventsNew, $"{name}: raised to above", rules =>
                Change(rules, With(50), With(51)), IsChecked);
            cases.Refuses(AuthRule.EventsNew, $"{name}: added above", rules =>
                Change(rules, With(null), With(51)), IsChecked);
            cases.Passes(
                AuthRule.EventsNew, AuthRule.PowerLevelsOtherwise, $"{name}: added at one's own level", rules =>
                Change(rules, With(null), With(50)));
            cases.Passes(AuthRule.EventsNew, AuthRule.PowerLevelsOtherwise, $"{name}: left above", rules =>
                Change(rules, With(51), With(51)));
            cases.Passes(
                AuthRule.PowerLevelsOtherwise, AuthRule.PowerLevelsOtherwise, $"{name}: raised, where nobody looks",
                rules => Change(rules, With(50), With(51)), rules => !IsChecked(rules));
        }
    }

    private static void AddUsers(AuthCases cases)
    {
        string Before(int bob) => LevelsWithUsers($"\"{Bob}\":{bob}");
        cases.Refuses(AuthRule.UsersCurrent, "another user lowered from one's own level", rules =>
            Change(rules, Before(50), Before(49)));
        cases.Refuses(AuthRule.UsersCurrent, "another user removed from one's own level", rules =>
            Change(rules, Before(50), LevelsWithUsers("")));
        cases.Passes(AuthRule.UsersCurrent, AuthRule.PowerLevelsOtherwise, "another user lowered from below", rules =>
            Change(rules, Before(49), Before(0)));
        cases.Passes(AuthRule.UsersCurrent, AuthRule.PowerLevelsOtherwise, "another user left above", rules =>
            Change(rules, Before(100), Before(100)));
        cases.Passes(AuthRule.UsersCurrent, AuthRule.PowerLevelsOtherwise, "oneself lowered", rules =>
            Change(rules, Levels(), $$$"""{"state_default":50,"users":{"{{{Alice}}}":49}}"""));
        cases.Passes(AuthRule.UsersCurrent, AuthRule.PowerLevelsOtherwise, "oneself removed", rules =>
            Change(rules, Levels(), """{"state_default":50,"users":{}}"""));
        cases.Refuses(AuthRule.UsersNew, "another user raised above", rules => Change(rules, Before(49), Before(51)));
        cases.Refuses(AuthRule.UsersNew, "another user added above", rules =>
            Change(rules, LevelsWithUsers(""), Before(51)));
        cases.Refuses(AuthRule.UsersNew, "oneself raised", rules =>
            Change(rules, Levels(), $$$"""{"state_default":50,"users":{"{{{Alice}}}":51}}"""));
        cases.Passes(
            AuthRule.UsersNew, AuthRule.PowerLevelsOtherwise, "another user raised to one's own level", rules =>
            Change(rules, Before(49), Before(50)));
    }
}
