using System.Text.Json;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.PushRules;

namespace Matrix.EventSourced.Protocol.Tests.PushRules;

public class Push_rule_evaluation
{
    private static readonly UserId Alice = UserId.Parse("@alice:hs");

    [Theory]
    // The examples of the spec: event_match.
    [InlineData("lunc?*", "Lunch plans", true)]
    [InlineData("lunc?*", "LUNCH", true)]
    [InlineData("lunc?*", " lunch", false)]
    [InlineData("lunc?*", "lunc", false)]
    [InlineData("*", "", true)]
    [InlineData("", "", true)]
    [InlineData("", "a", false)]
    [InlineData("?", "🌻", true)]
    [InlineData("a*b*c", "aXXbYYbc", true)]
    [InlineData("ÄPFEL", "äpfel", true)]
    public void a_glob_matches_all_of_a_text(string pattern, string text, bool expected) =>
        Assert.Equal(expected, GlobPattern.Parse(pattern).Matches(text));

    [Theory]
    [InlineData("ex*ple", "An example event.", true)]
    [InlineData("ex*ple", "exple", true)]
    [InlineData("ex*ple", "An exciting triple-whammy", true)]
    [InlineData("ex*ple", "hexample", false)]
    [InlineData("ex*ple", "examples", false)]
    [InlineData("cake", "cup_cake", false)]
    [InlineData("cake", "Cake!", true)]
    [InlineData("cake", "(cake)", true)]
    [InlineData("", "cake", false)]
    public void a_glob_matches_words(string pattern, string text, bool expected) =>
        Assert.Equal(expected, GlobPattern.Parse(pattern).MatchesWordsOf(text));

    [Fact]
    public void a_glob_of_many_stars_takes_no_exponential_time() =>
        Assert.False(GlobPattern.Parse(string.Concat(Enumerable.Repeat("a*", 100)) + "b").Matches(new string('a', 10_000)));

    [Theory]
    [InlineData("content.m\\.relates_to.rel_type", "1")]
    [InlineData("content.m\\\\foo", "2")]
    [InlineData("content.a\\x", "3")]
    [InlineData("content.m.relates_to", null)]
    public void a_path_leads_to_a_property(string path, string? expected)
    {
        var holder = JsonElement.Parse("""{"content":{"m.relates_to":{"rel_type":1},"m\\foo":2,"a\\x":3}}""");
        Assert.Equal(expected, PropertyPath.Parse(path).Find(holder)?.GetRawText());
    }

    [Theory]
    [InlineData("""{"kind":"event_property_is","key":"content.n","value":7}""", true)]
    [InlineData("""{"kind":"event_property_is","key":"content.n","value":"7"}""", false)]
    [InlineData("""{"kind":"event_property_is","key":"content.flag","value":true}""", true)]
    [InlineData("""{"kind":"event_property_is","key":"content.nothing","value":null}""", true)]
    [InlineData("""{"kind":"event_property_is","key":"content.missing","value":null}""", false)]
    [InlineData("""{"kind":"event_property_is","key":"content.list","value":[]}""", false)]
    [InlineData("""{"kind":"event_property_contains","key":"content.list","value":"x"}""", true)]
    [InlineData("""{"kind":"event_property_contains","key":"content.list","value":"y"}""", false)]
    [InlineData("""{"kind":"event_property_contains","key":"content.body","value":"x"}""", false)]
    [InlineData("""{"kind":"event_match","key":"content.n","pattern":"*"}""", false)]
    [InlineData("""{"kind":"event_match","key":"content.body","pattern":"cup"}""", true)]
    [InlineData("""{"kind":"event_match","key":"content.body","pattern":"cu"}""", false)]
    [InlineData("""{"kind":"event_match","key":"type","pattern":"M.Room.*"}""", true)]
    [InlineData("""{"kind":"room_member_count","is":"3"}""", true)]
    [InlineData("""{"kind":"room_member_count","is":"==2"}""", false)]
    [InlineData("""{"kind":"room_member_count","is":"<=3"}""", true)]
    [InlineData("""{"kind":"room_member_count","is":">3"}""", false)]
    [InlineData("""{"kind":"room_member_count","is":"=>3"}""", false)]
    [InlineData("""{"kind":"room_member_count","is":"many"}""", false)]
    [InlineData("""{"kind":"contains_display_name"}""", true)]
    [InlineData("""{"kind":"sender_notification_permission","key":"room"}""", true)]
    [InlineData("""{"kind":"sender_notification_permission","key":"other"}""", false)]
    [InlineData("""{"kind":"org.example.unknown"}""", false)]
    [InlineData("""{"kind":"event_match","key":"content.body"}""", false)]
    public void a_condition_holds_or_not(string condition, bool expected)
    {
        var rules = PushRuleset.Read(JsonElement.Parse(
            $$$"""
            {"global":{"override":[{"rule_id":"mine","enabled":true,"actions":["notify"],"conditions":[{{{condition}}}]}]}}
            """));
        var verdict = new PushRuleEvaluator(rules).Evaluate(
            Message("""{"body":"a cup for Al *","n":7,"flag":true,"nothing":null,"list":["x",{}]}"""), Context());
        Assert.Equal(expected, verdict is not null);
    }

    [Fact]
    public void the_predefined_rules_say_what_they_should()
    {
        var rules = new PushRuleEvaluator(PredefinedPushRules.For(Alice));
        Assert.Equal(".m.rule.message", rules.Evaluate(Message("""{"body":"hi"}"""), Context())?.RuleId);
        Assert.Equal(".m.rule.room_one_to_one", rules.Evaluate(Message("""{"body":"hi"}"""), Context() with { JoinedMembers = 2 })?.RuleId);
        var mention = rules.Evaluate(Message("""{"body":"hi","m.mentions":{"user_ids":["@alice:hs"]}}"""), Context());
        Assert.Equal((".m.rule.is_user_mention", true, true), (mention?.RuleId, mention?.Notifies, mention?.Highlights));
        var room = rules.Evaluate(Message("""{"body":"hi","m.mentions":{"room":true}}"""), Context());
        Assert.Equal(".m.rule.is_room_mention", room?.RuleId);
        var notice = rules.Evaluate(Message("""{"body":"hi","msgtype":"m.notice"}"""), Context());
        Assert.Equal((".m.rule.suppress_notices", false), (notice?.RuleId, notice?.Notifies));
        Assert.Null(rules.Evaluate(Message("""{"body":"hi"}""", "@alice:hs"), Context()));
        Assert.Null(rules.Evaluate(Message("""{"body":"hi"}""", type: "org.example.custom"), Context()));
    }

    [Fact]
    public void kinds_are_tried_in_their_order()
    {
        const string stored =
            """
            {"global":{
            "content":[{"rule_id":"word","enabled":true,"actions":["notify"],"pattern":"hi"}],
            "room":[{"rule_id":"!r:hs","enabled":true,"actions":[]}],
            "sender":[{"rule_id":"@bob:hs","enabled":true,"actions":[]}]}}
            """;
        var rules = PushRuleset.For(Alice, System.Text.Encoding.UTF8.GetBytes(stored));
        Assert.Equal("word", new PushRuleEvaluator(rules).Evaluate(Message("""{"body":"hi"}"""), Context())?.RuleId);
        Assert.Equal("!r:hs", new PushRuleEvaluator(rules).Evaluate(Message("""{"body":"ho"}"""), Context())?.RuleId);
        rules = rules.With(PushRuleKind.Room, []);
        Assert.Equal("@bob:hs", new PushRuleEvaluator(rules).Evaluate(Message("""{"body":"ho"}"""), Context())?.RuleId);
        rules = rules.With(PushRuleKind.Sender, []);
        Assert.Equal(".m.rule.message", new PushRuleEvaluator(rules).Evaluate(Message("""{"body":"ho"}"""), Context())?.RuleId);
    }

    [Fact]
    public void stored_rules_keep_what_the_user_changed_and_take_the_rest_from_today()
    {
        const string stored =
            """
            {"global":{"override":[
            {"rule_id":".m.rule.master","default":true,"enabled":true,"actions":[]},
            {"rule_id":"mine","enabled":true,"actions":[]},
            {"rule_id":".m.rule.gone","default":true,"enabled":true,"actions":["notify"]},
            {"rule_id":".m.rule.tombstone","default":true,"enabled":false,"actions":["notify"],"conditions":[]}]}}
            """;
        var rules = PushRuleset.For(Alice, System.Text.Encoding.UTF8.GetBytes(stored))[PushRuleKind.Override];
        Assert.Equal([".m.rule.master", "mine", ".m.rule.suppress_notices"], rules.Take(3).Select(rule => rule.RuleId));
        Assert.True(rules[0].IsEnabled);
        Assert.DoesNotContain(rules, rule => rule.RuleId == ".m.rule.gone");
        var tombstone = rules.Single(rule => rule.RuleId == ".m.rule.tombstone");
        Assert.Equal((false, 2), (tombstone.IsEnabled, tombstone.Conditions!.Value.GetArrayLength()));
        Assert.False(PushActions.Highlights(tombstone.Actions));
    }

    private static PushContext Context() => new(Alice, "al *", 3, key => key == "room");

    private static JsonElement Message(string content, string sender = "@bob:hs", string type = "m.room.message") =>
        JsonElement.Parse(
            $$"""{"type":"{{type}}","sender":"{{sender}}","room_id":"!r:hs","event_id":"$e","content":{{content}}}""");
}
