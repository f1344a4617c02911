using Matrix.EventSourced.Commands.EduServer;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Facts.EduServer;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Commands.Tests.EduServer;

public sealed class Typing_decider
{
    private static readonly RoomId Room = RoomId.Parse("!room:hs");
    private static readonly UserId Alice = UserId.Parse("@alice:hs");
    private static readonly UserId Bob = UserId.Parse("@bob:hs");

    [Fact]
    public void tells_the_whole_list_with_each_change()
    {
        var one = Only(TypingDecider.Start(TypingState.Initial, Room, Alice, 10));
        Assert.True(one is { IsTyping: true, IsContinued: false });
        var two = Only(TypingDecider.Start(After(one), Room, Bob, 20));
        Assert.Equal<Typist>([new Typist(Alice, 10), new Typist(Bob, 20)], two.Typists);
        var longer = Only(TypingDecider.Start(After(two), Room, Alice, 30));
        Assert.True(longer is { IsTyping: true, IsContinued: true });
        Assert.Equal<Typist>([new Typist(Alice, 30), new Typist(Bob, 20)], longer.Typists);
        var stopped = Only(TypingDecider.Stop(After(longer), Room, Alice));
        Assert.False(stopped.IsTyping);
        Assert.Equal<Typist>([new Typist(Bob, 20)], stopped.Typists);
    }

    [Fact]
    public void says_nothing_of_who_does_not_type() =>
        Assert.Empty(Facts(TypingDecider.Stop(TypingState.Initial, Room, Alice)));

    [Fact]
    public void ends_each_whose_time_is_over_with_a_fact_of_their_own()
    {
        var state = new TypingState { Typists = [new(Alice, 10), new(Bob, 20), new(UserId.Parse("@cyd:hs"), 30)] };
        Assert.Empty(Facts(TypingDecider.Expire(state, Room, 9)));
        var ended = Facts(TypingDecider.Expire(state, Room, 20)).Cast<TypingChanged>().ToList();
        Assert.Equal([Alice, Bob], ended.Select(fact => fact.UserId));
        Assert.Single(ended[^1].Typists);
        Assert.Empty(Facts(TypingDecider.Expire(After(ended[^1]), Room, 20)));
    }

    [Fact]
    public void has_room_for_so_many_and_no_more()
    {
        var state = TypingState.Initial;
        for (var number = 0; number < Limits.TypistsMax; number++)
            state = After(Only(TypingDecider.Start(state, Room, UserId.Parse($"@u{number}:hs"), 10)));
        Assert.Empty(Facts(TypingDecider.Start(state, Room, Alice, 10)));
        Assert.True(Only(TypingDecider.Start(state, Room, UserId.Parse("@u0:hs"), 20)).IsContinued);
    }

    private static TypingState After(TypingChanged fact) => TypingState.Initial.Evolve(fact);

    private static TypingChanged Only(Decision decision) => Assert.IsType<TypingChanged>(Assert.Single(Facts(decision)));

    private static IReadOnlyList<Facts.IFact> Facts(Decision decision) =>
        Assert.IsType<Decision.Accepted>(decision).Facts;
}
