using Matrix.EventSourced.Protocol.RoomVersions;
using Matrix.EventSourced.Protocol.State;
using Matrix.EventSourced.Protocol.Tests.EventAuth;
using StateDictionary = System.Collections.Generic.Dictionary<
    Matrix.EventSourced.Protocol.State.StateTuple, Matrix.EventSourced.Protocol.Identifiers.EventId>;

namespace Matrix.EventSourced.Protocol.Tests.StateResolution;

/// <summary>The two ways in which v2 loses state without anyone's doing, and which v2.1 was made against (MSC4297,
/// problems A and B).</summary>
public sealed class State_resets
{
    private static readonly StateTuple JoinRules = new("m.room.join_rules", "");
    private static readonly StateTuple PowerLevels = new("m.room.power_levels", "");

    /// <summary>
    /// Alice sets the join rules twice and leaves. One server holds the outdated join rules in a state that it got by
    /// partial synchronisation. v2 replays both on a state in which Alice is gone, and none is let in.
    /// </summary>
    [Theory]
    [InlineData("11", false)]
    [InlineData("12", true)]
    public async Task problem_a_join_rules_of_someone_who_left(string version, bool survives)
    {
        var room = new TestRoom(RoomVersionRules.Find(version)!);
        var begun = room.Begin();
        var first = room.Then(begun, AuthRoom.Alice, "m.room.join_rules", "", """{"join_rule":"invite"}""", 10);
        var second = room.Then(first, AuthRoom.Alice, "m.room.join_rules", "", """{"join_rule":"knock"}""", 11);
        var left = room.Member(second, AuthRoom.Alice, AuthRoom.Alice, "leave", 12);
        var outdated = new StateDictionary(left) { [JoinRules] = first[JoinRules] };
        Assert.NotEqual(first[JoinRules], second[JoinRules]);

        var resolved = await room.ResolveAsync([left, outdated]);

        Assert.Equal(room.AskOracle([left, outdated]), resolved);
        Assert.Equal(survives, resolved.ContainsKey(JoinRules));
        if (survives)
            Assert.Equal(second[JoinRules], resolved[JoinRules]);
    }

    /// <summary>
    /// Alice promotes Bob, Bob promotes Carol. One server holds the power levels from before both, though a join that
    /// it holds, too, builds upon the newest. The promotion of Bob is in nobody's difference, so v2 replays Carol's
    /// without it, and refuses it.
    /// </summary>
    [Theory]
    [InlineData("11", false)]
    [InlineData("12", true)]
    public async Task problem_b_power_levels_that_build_upon_each_other(string version, bool survives)
    {
        var room = new TestRoom(RoomVersionRules.Find(version)!);
        var begun = room.Begin();
        var bob = room.Then(
            begun, AuthRoom.Alice, "m.room.power_levels", "", room.Levels((AuthRoom.Alice, 100), (AuthRoom.Bob, 50)),
                10);
        var carol = room.Then(
            bob, AuthRoom.Bob, "m.room.power_levels", "",
            room.Levels((AuthRoom.Alice, 100), (AuthRoom.Bob, 50), (AuthRoom.Carol, 50)), 11);
        var joined = room.Member(carol, "@dave:two.example", "@dave:two.example", "join", 12);
        var outdated = new StateDictionary(joined) { [PowerLevels] = begun[PowerLevels] };
        Assert.Equal(3, new HashSet<object> { begun[PowerLevels], bob[PowerLevels], carol[PowerLevels] }.Count);

        var resolved = await room.ResolveAsync([joined, outdated]);

        Assert.Equal(room.AskOracle([joined, outdated]), resolved);
        Assert.Equal(survives ? carol[PowerLevels] : begun[PowerLevels], resolved[PowerLevels]);
    }

    /// <summary>A ban and, concurrently, the banned user's own doings: the ban wins whatever the clocks say.</summary>
    [Theory]
    [InlineData("2")]
    [InlineData("11")]
    [InlineData("12")]
    public async Task a_ban_wins_over_what_the_banned_user_did_meanwhile(string version)
    {
        var room = new TestRoom(RoomVersionRules.Find(version)!);
        var begun = room.Then(
            room.Begin(), AuthRoom.Creator, "m.room.power_levels", "", room.Levels((AuthRoom.Alice, 100), (AuthRoom.Bob,
                50)), 9);
        var banned = room.Member(begun, AuthRoom.Alice, AuthRoom.Bob, "ban", 20);
        var topic = room.Then(begun, AuthRoom.Bob, "m.room.topic", "", "{}", 10);
        var resolved = await room.ResolveAsync([banned, topic]);
        Assert.Equal(banned[new("m.room.member", AuthRoom.Bob)], resolved[new("m.room.member", AuthRoom.Bob)]);
        Assert.False(resolved.ContainsKey(new("m.room.topic", "")));
    }

    /// <summary>A large room that differs in little is resolved by reading little.</summary>
    [Theory]
    [InlineData("11")]
    [InlineData("12")]
    public async Task cost_follows_the_conflict_and_not_the_room(string version)
    {
        var room = new TestRoom(RoomVersionRules.Find(version)!);
        var state = room.Begin();
        for (var number = 0; number < 500; number++)
            state = room.Member(state, $"@u{number}:two.example", $"@u{number}:two.example", "join", 6);
        var first = room.Then(state, AuthRoom.Alice, "m.room.topic", "", "{}", 20);
        var second = room.Member(state, AuthRoom.Alice, "@u7:two.example", "ban", 21);
        Assert.Equal(room.AskOracle([first, second]), await room.ResolveAsync([first, second]));
        Assert.InRange(room.Pdus.Reads, 1, 40);
        Assert.InRange(room.Pdus.CitationsRead, 0, 40);
    }
}
