using System.Text.Json;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.PushRules;

namespace Matrix.EventSourced.Protocol.Tests.PushRules;

public class Predefined_push_rules
{
    private static readonly UserId Alice = UserId.Parse("@alice:hs");

    [Fact]
    public void stand_in_the_order_of_the_spec()
    {
        using var rules = JsonDocument.Parse(PredefinedPushRules.For(Alice).ToContent());
        var global = rules.RootElement.GetProperty("global");
        Assert.Equal(
            ["override", "content", "room", "sender", "underride"], global.EnumerateObject().Select(one => one.Name));
        Assert.Equal(
            [
                ".m.rule.master", ".m.rule.suppress_notices", ".m.rule.invite_for_me", ".m.rule.member_event",
                ".m.rule.is_user_mention", ".m.rule.is_room_mention", ".m.rule.tombstone", ".m.rule.reaction",
                ".m.rule.room.server_acl", ".m.rule.suppress_edits",
            ],
            Ids(global.GetProperty("override")));
        Assert.Equal(
            [
                ".m.rule.call", ".m.rule.encrypted_room_one_to_one", ".m.rule.room_one_to_one", ".m.rule.message",
                ".m.rule.encrypted",
            ],
            Ids(global.GetProperty("underride")));
    }

    [Fact]
    public void name_the_user_and_leave_the_master_off()
    {
        using var rules = JsonDocument.Parse(PredefinedPushRules.For(Alice).ToGlobal());
        var overrides = rules.RootElement.GetProperty("override").EnumerateArray().ToList();
        Assert.False(overrides[0].GetProperty("enabled").GetBoolean());
        Assert.All(overrides.Skip(1), rule => Assert.True(rule.GetProperty("enabled").GetBoolean()));
        var invite = overrides.Single(rule => rule.GetProperty("rule_id").GetString() == ".m.rule.invite_for_me");
        Assert.Equal("@alice:hs", invite.GetProperty("conditions")[2].GetProperty("pattern").GetString());
    }

    [Fact]
    public void hold_any_user_id_as_json()
    {
        using var rules = JsonDocument.Parse(PredefinedPushRules.For(UserId.Parse("@a\"\\b:hs")).ToContent());
        var conditions = rules.RootElement.GetProperty("global").GetProperty("override")[2].GetProperty("conditions");
        Assert.Equal("@a\"\\b:hs", conditions[2].GetProperty("pattern").GetString());
    }

    private static IEnumerable<string?> Ids(JsonElement rules) =>
        rules.EnumerateArray().Select(rule => rule.GetProperty("rule_id").GetString());
}
