using Matrix.EventSourced.Protocol.EventAuth;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.RoomVersions;
using static Matrix.EventSourced.Protocol.Tests.EventAuth.AuthRoom;

namespace Matrix.EventSourced.Protocol.Tests.EventAuth;

public sealed class Power_levels
{
    private static PowerLevels Read(string version, string? content, string createMembers = "")
    {
        var room = new AuthRoom(RoomVersionRules.Find(version)!, createMembers);
        return PowerLevels.From(content is null ? null : room.Put("m.room.power_levels", "", Creator, content), room.Create);
    }

    private static UserId User(string text) => UserId.Parse(text);

    [Theory]
    [InlineData("1", 100)]
    [InlineData("11", 100)]
    [InlineData("12", PowerLevels.Infinite)]
    public void without_an_event_the_creator_has_power_and_state_needs_none(string version, long creator)
    {
        var levels = Read(version, null);
        Assert.Equal(creator, levels.UserLevel(User(Creator)));
        Assert.Equal(0, levels.UserLevel(User(Bob)));
        Assert.Equal(0, levels.EventLevel("m.room.name", isState: true));
        Assert.Equal(50, levels.Ban);
        Assert.Equal(0, levels.Invite);
    }

    [Theory]
    [InlineData("1", 0)]
    [InlineData("12", PowerLevels.Infinite)]
    public void with_an_event_its_defaults_hold(string version, long creator)
    {
        var levels = Read(version, "{}");
        Assert.Equal(creator, levels.UserLevel(User(Creator)));
        Assert.Equal(50, levels.EventLevel("m.room.name", isState: true));
        Assert.Equal(0, levels.EventLevel("m.room.message", isState: false));
        Assert.Equal((50, 50, 50, 0), (levels.Ban, levels.Kick, levels.Redact, levels.Invite));
        Assert.Equal(50, levels.NotificationLevel("room"));
    }

    [Fact]
    public void additional_creators_count_in_version_12_only()
    {
        var members = $"\"additional_creators\":[\"{Bob}\",5]";
        Assert.Equal(PowerLevels.Infinite, Read("12", "{}", members).UserLevel(User(Bob)));
        Assert.Equal(0, Read("11", "{}", members).UserLevel(User(Bob)));
    }

    [Theory]
    [InlineData("50", 50)]
    [InlineData("\"50\"", 50)]
    [InlineData("\" +0050 \"", 50)]
    [InlineData("\"-50\"", -50)]
    [InlineData("50.99", 50)]
    [InlineData("-50.99", -50)]
    [InlineData("5.114698E4", 51146)]
    [InlineData("1e300", long.MaxValue - 1)]
    [InlineData("-99999999999999999999999", -(long.MaxValue - 1))]
    [InlineData("\"99999999999999999999999\"", long.MaxValue - 1)]
    [InlineData("\"ten\"", 7)]
    [InlineData("\"\"", 7)]
    [InlineData("null", 7)]
    [InlineData("[50]", 7)]
    [InlineData("true", 7)]
    public void old_rooms_write_levels_in_many_ways(string text, long level)
    {
        var content = $$$"""{"users":{"{{{Bob}}}":{{{text}}}},"users_default":7}""";
        Assert.Equal(level, Read("5", content).UserLevel(User(Bob)));
    }

    [Theory]
    [InlineData("\"10\"")]
    [InlineData("10.0")]
    [InlineData("1e1")]
    public void new_rooms_write_integers_only(string text) =>
        Assert.Equal(50, Read("10", $$"""{"kick":{{text}}}""").Kick);

    [Fact]
    public void an_event_type_has_its_own_level_as_state_and_as_message()
    {
        var levels = Read("12", """{"events":{"a":10},"events_default":1,"state_default":2}""");
        Assert.Equal(10, levels.EventLevel("a", isState: true));
        Assert.Equal(10, levels.EventLevel("a", isState: false));
        Assert.Equal((2, 1), (levels.EventLevel("b", isState: true), levels.EventLevel("b", isState: false)));
    }
}
