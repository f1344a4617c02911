using System.Text;
using System.Text.Json;
using Matrix.EventSourced.Api.Sync;
using Matrix.EventSourced.Projections.Roomserver;

namespace Matrix.EventSourced.Api.Tests.Sync;

public sealed class Filters
{
    [Fact]
    public void reads_every_section_of_a_filter()
    {
        var filter = FilterReader.FindSyncFilter(Encoding.UTF8.GetBytes(
            """
            {"event_fields":["type","content.body"],"event_format":"client","account_data":{"not_types":["m.push_rules"]},
             "room":{"rooms":["!a:t"],"not_rooms":["!b:t"],"include_leave":true,
              "timeline":{"limit":7,"types":["m.room.*"],"senders":["@a:t"],"contains_url":true},
              "state":{"lazy_load_members":true,"include_redundant_members":true}}}
            """))!;
        Assert.Equal(["type", "content.body"], filter.EventFields!);
        Assert.Equal(7, filter.TimelineLimit);
        Assert.True(filter.IncludeLeave);
        Assert.True(filter.IsLazy);
        Assert.True(filter.State.IncludeRedundantMembers);
        Assert.True(filter.PassesRoom("!a:t"));
        Assert.False(filter.PassesRoom("!b:t"));
        Assert.False(filter.PassesRoom("!c:t"));
        Assert.False(filter.AccountData.PassesType("m.push_rules"));
        Assert.True(filter.Timeline.PassesType("m.room.message"));
        Assert.False(filter.Timeline.PassesType("m.reaction"));
    }

    [Theory]
    [InlineData("{")]
    [InlineData("[]")]
    [InlineData("""{"room":[]}""")]
    [InlineData("""{"room":{"timeline":{"limit":"ten"}}}""")]
    [InlineData("""{"room":{"timeline":{"limit":-1}}}""")]
    [InlineData("""{"room":{"timeline":{"types":"m.room.message"}}}""")]
    [InlineData("""{"room":{"timeline":{"types":[1]}}}""")]
    [InlineData("""{"room":{"include_leave":"yes"}}""")]
    public void refuses_what_is_no_filter(string json) =>
        Assert.Null(FilterReader.FindSyncFilter(Encoding.UTF8.GetBytes(json)));

    [Theory]
    [InlineData("*", "m.room.message", true)]
    [InlineData("m.room.*", "m.room.message", true)]
    [InlineData("*.message", "m.room.message", true)]
    [InlineData("m.*.*e", "m.room.message", true)]
    [InlineData("m.room", "m.room.message", false)]
    [InlineData("m_room.message", "m.room.message", false)]
    [InlineData("", "", true)]
    [InlineData("*a*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false)]
    public void stars_match_any_characters_and_nothing_else_does(string pattern, string type, bool isMatch) =>
        Assert.Equal(isMatch, new EventFilter { Types = [pattern] }.PassesType(type));

    [Theory]
    [InlineData("s0", true)]
    [InlineData("s72595", true)]
    [InlineData("s", false)]
    [InlineData("72595", false)]
    [InlineData("s-1", false)]
    [InlineData("s1_2", false)]
    [InlineData("s2_1", true)]
    [InlineData("s2_", false)]
    [InlineData("s99999999999999999999", false)]
    public void a_token_is_s_and_a_position(string token, bool isToken) =>
        Assert.Equal(isToken, SyncTokens.TryRead(token, out _, out _));

    [Theory]
    [InlineData("""["type"]""", """{"type":"t"}""")]
    [InlineData("""["content.body"]""", """{"content":{"body":"b"}}""")]
    [InlineData("""["content"]""", """{"content":{"body":"b","a.b":1}}""")]
    [InlineData("""["content.a\\.b"]""", """{"content":{"a.b":1}}""")]
    [InlineData("""["none.at.all"]""", "{}")]
    public void keeps_the_fields_that_were_asked_for(string fields, string expected)
    {
        using var source = JsonDocument.Parse("""{"type":"t","content":{"body":"b","a.b":1},"sender":"s"}""");
        using var paths = JsonDocument.Parse(fields);
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream))
            FieldSelection.Write(
                writer, source.RootElement, [.. paths.RootElement.EnumerateArray().Select(path => path.GetString()!)]);
        Assert.Equal(expected, Encoding.UTF8.GetString(stream.ToArray()));
    }
}
