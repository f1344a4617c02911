using Matrix.EventSourced.Protocol.EventAuth;
using Matrix.EventSourced.Protocol.RoomVersions;

namespace Matrix.EventSourced.Protocol.Tests.EventAuth;

/// <summary>The table of authorisation rules: every rule of every room version lets something in and keeps something
/// out.</summary>
public sealed class Authorisation_rules
{
    private static readonly List<AuthCase> Cases = AllCases();

    private static List<AuthCase> AllCases()
    {
        var cases = new AuthCases();
        RoomCases.Add(cases);
        MemberCases.Add(cases);
        ThirdPartyCases.Add(cases);
        PowerLevelsCases.Add(cases);
        return cases.All;
    }

    public static TheoryData<string, string> Rules()
    {
        var data = new TheoryData<string, string>();
        foreach (var rules in RoomVersionRules.All)
        {
            foreach (var rule in Enum.GetValues<AuthRule>())
            {
                if (AuthRuleNumbersTable.Find(rules.Version, rule) is { } number)
                    data.Add(rules.Version, number);
            }
        }
        return data;
    }

    /// <summary>One test per rule and version, named by the rule's number on the version's page.</summary>
    [Theory]
    [MemberData(nameof(Rules))]
    public void decides_as_the_page_says(string version, string number)
    {
        var rules = RoomVersionRules.Find(version)!;
        foreach (var row in Cases.Where(row => row.AppliesTo(rules)
            && AuthRuleNumbersTable.Find(version, row.Rule) == number))
        {
            var outcome = row.Judge(rules);
            var decidedBy = AuthRuleNumbersTable.Find(version, row.DecidedBy);
            Assert.True(
                outcome.IsAllowed == row.IsAllowed && outcome.Rule == decidedBy,
                $"{row.Title}: expected allowed = {row.IsAllowed} by {decidedBy} ({row.DecidedBy}), got {outcome}");
            if (outcome is AuthOutcome.Refused refused)
                Assert.EndsWith(".", refused.Reason, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void each_rule_of_each_version_is_hit_by_an_acceptance_and_a_refusal()
    {
        var missing = new List<string>();
        var rows = 0;
        foreach (var rules in RoomVersionRules.All)
        {
            foreach (var rule in Enum.GetValues<AuthRule>())
            {
                if (AuthRuleNumbersTable.Find(rules.Version, rule) is not { } number)
                    continue;
                var applicable = Cases.Where(row => row.Rule == rule && row.AppliesTo(rules)).ToList();
                rows += applicable.Count;
                if (!applicable.Exists(row => row.IsAllowed))
                    missing.Add($"version {rules.Version} rule {number} ({rule}): no acceptance");
                if (!applicable.Exists(row => !row.IsAllowed))
                    missing.Add($"version {rules.Version} rule {number} ({rule}): no refusal");
            }
        }
        Assert.True(missing.Count == 0, string.Join('\n', missing));
        Assert.True(rows > 1_500, $"only {rows} rows ran");
    }

    /// <summary>A row of a rule that a version does not have would never run.</summary>
    [Fact]
    public void each_row_is_of_a_rule_that_its_versions_have()
    {
        foreach (var rules in RoomVersionRules.All)
        {
            foreach (var row in Cases.Where(row => row.AppliesTo(rules)))
                Assert.True(AuthRuleNumbersTable.Find(rules.Version, row.Rule) is not null,
                    $"version {rules.Version}: {row.Rule}: {row.Title}");
        }
    }

    [Fact]
    public void rules_are_numbered_as_the_pages_number_them()
    {
        foreach (var rules in RoomVersionRules.All)
        {
            var numbers = AuthRuleNumbers.Of(rules);
            foreach (var rule in Enum.GetValues<AuthRule>())
            {
                var number = AuthRuleNumbersTable.Find(rules.Version, rule);
                Assert.True(
                    numbers.Find(rule) == number,
                    $"version {rules.Version}, {rule}: {numbers.Find(rule)} is not {number}");
            }
        }
    }
}
