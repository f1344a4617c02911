using System.Text.Json;
using Matrix.EventSourced.Protocol.EventAuth;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.RoomVersions;
using static Matrix.EventSourced.Protocol.Tests.EventAuth.AuthRoom;

namespace Matrix.EventSourced.Protocol.Tests.EventAuth;

public sealed class Auth_event_selection
{
    private static string[] Select(string version, string type, string? stateKey, string content)
    {
        using var json = JsonDocument.Parse(content);
        var tuples = AuthEventSelection.TuplesFor(
            type, stateKey, UserId.Parse(Alice), json.RootElement, RoomVersionRules.Find(version)!);
        Assert.Equal(tuples.Count, tuples.Distinct().Count());
        return [.. tuples.Select(tuple => tuple.ToString())];
    }

    [Fact]
    public void selects_nothing_for_the_create_event() => Assert.Empty(Select("11", "m.room.create", "", "{}"));

    [Fact]
    public void selects_the_create_event_before_version_12_only()
    {
        string[] common = ["(m.room.power_levels, )", $"(m.room.member, {Alice})"];
        Assert.Equal(["(m.room.create, )", .. common], Select("11", "m.room.message", null, "{}"));
        Assert.Equal(common, Select("12", "m.room.message", null, "{}"));
    }

    [Theory]
    [InlineData("join", true)]
    [InlineData("invite", true)]
    [InlineData("knock", true)]
    [InlineData("leave", false)]
    [InlineData("ban", false)]
    public void selects_join_rules_for_those_who_come(string membership, bool hasJoinRules)
    {
        var selected = Select("12", "m.room.member", Bob, $$"""{"membership":"{{membership}}"}""");
        Assert.Contains($"(m.room.member, {Bob})", selected);
        Assert.Equal(hasJoinRules, selected.Contains("(m.room.join_rules, )"));
    }

    [Fact]
    public void selects_the_third_party_invite_that_is_redeemed() => Assert.Contains(
        "(m.room.third_party_invite, secret)",
        Select("12", "m.room.member", Bob, """{"membership":"invite","third_party_invite":{"signed":{"token":"secret"}}}"""));

    [Theory]
    [InlineData("7", false)]
    [InlineData("8", true)]
    public void selects_the_member_who_authorised_a_join_where_joins_are_restricted(string version, bool isSelected)
    {
        var content = $$"""{"join_authorised_via_users_server":"{{Carol}}","membership":"join"}""";
        Assert.Equal(isSelected, Select(version, "m.room.member", Alice, content).Contains($"(m.room.member, {Carol})"));
    }

    [Fact]
    public void selects_a_member_once_in_however_many_parts()
    {
        var content = $$"""{"join_authorised_via_users_server":"{{Alice}}","membership":"join"}""";
        Assert.Equal(
            [$"(m.room.power_levels, )", $"(m.room.member, {Alice})", "(m.room.join_rules, )"],
            Select("12", "m.room.member", Alice, content));
    }
}
