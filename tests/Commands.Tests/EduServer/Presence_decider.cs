using Matrix.EventSourced.Commands.EduServer;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Facts.EduServer;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Commands.Tests.EduServer;

public sealed class Presence_decider
{
    private const long Now = 1_000_000;
    private static readonly UserId Alice = UserId.Parse("@alice:hs");

    [Fact]
    public void a_poll_brings_who_is_offline_online_and_changes_nothing_of_others()
    {
        Assert.Equal(
            new PresenceChanged(Alice, PresenceState.Online, null, Now, true, Now),
            Find(PresenceDecider.Poll(UserPresenceState.Initial, Alice, PresenceState.Online, Signs(Now), Now)));
        Assert.Null(Find(PresenceDecider.Poll(State(PresenceState.Online), Alice, PresenceState.Online, Signs(0), Now)));
        Assert.Null(Find(PresenceDecider.Poll(State(PresenceState.Unavailable), Alice, PresenceState.Online, Signs(0), Now)));
    }

    [Fact]
    public void an_idle_client_hides_its_user_unless_another_is_in_use()
    {
        var state = State(PresenceState.Online);
        Assert.Null(Find(PresenceDecider.Poll(
            state, Alice, PresenceState.Unavailable, Signs(0) with { OnlineUntilMs = Now + 1 }, Now)));
        Assert.Equal(PresenceState.Unavailable, Find(PresenceDecider.Poll(
            state, Alice, PresenceState.Unavailable, Signs(0) with { OnlineUntilMs = Now }, Now))!.Presence);
    }

    [Fact]
    public void an_activity_wakes_the_idle_but_not_those_who_want_to_be_offline()
    {
        Assert.True(Find(PresenceDecider.Act(State(PresenceState.Unavailable), Alice, Now))
            is { Presence: PresenceState.Online, IsCurrentlyActive: true, LastActiveMs: Now });
        Assert.True(Find(PresenceDecider.Act(State(PresenceState.Online), Alice, Now)) is { IsCurrentlyActive: true });
        Assert.Null(Find(PresenceDecider.Act(State(PresenceState.Online, isActive: true), Alice, Now)));
        Assert.Null(Find(PresenceDecider.Act(State(PresenceState.Offline), Alice, Now)));
    }

    [Theory]
    [InlineData(Limits.PresenceActiveMs - 1, null, true)]
    [InlineData(Limits.PresenceActiveMs, PresenceState.Online, false)]
    [InlineData(Limits.PresenceIdleMs, PresenceState.Unavailable, false)]
    public void time_makes_the_active_idle(long idleMs, PresenceState? expected, bool isActive)
    {
        var state = State(PresenceState.Online, isActive: true);
        var changed = Find(PresenceDecider.Age(state, Alice, Signs(Now - idleMs), Now));
        Assert.Equal(expected, changed?.Presence);
        Assert.Equal(isActive, changed?.IsCurrentlyActive ?? state.IsCurrentlyActive);
    }

    [Fact]
    public void who_is_not_seen_any_more_is_offline_and_keeps_the_message()
    {
        var state = new UserPresenceState
        {
            Last = new PresenceChanged(Alice, PresenceState.Unavailable, "lunch", 1, false, 1),
        };
        var changed = Find(PresenceDecider.Age(state, Alice, Signs(1) with { AwayAtMs = Now }, Now))!;
        Assert.Equal(new PresenceChanged(Alice, PresenceState.Offline, "lunch", 1, false, Now), changed);
        Assert.Null(PresenceDecider.NextAgeMs(new UserPresenceState { Last = changed }, Signs(1)));
    }

    [Fact]
    public void the_next_look_is_at_the_first_thing_to_happen()
    {
        var active = State(PresenceState.Online, isActive: true);
        Assert.Equal(Now + Limits.PresenceActiveMs, PresenceDecider.NextAgeMs(active, Signs(Now)));
        Assert.Equal(Now + Limits.PresenceIdleMs, PresenceDecider.NextAgeMs(State(PresenceState.Online), Signs(Now)));
        Assert.Equal(Now + 5, PresenceDecider.NextAgeMs(active, Signs(Now) with { AwayAtMs = Now + 5 }));
        Assert.Equal(
            1 + Limits.PresenceRepeatMs, PresenceDecider.NextAgeMs(State(PresenceState.Unavailable), Signs(Now)));
    }

    [Fact]
    public void who_stays_as_they_are_is_said_to_do_so_before_others_forget_them()
    {
        var state = State(PresenceState.Unavailable);
        var signs = Signs(0);
        const long due = 1 + Limits.PresenceRepeatMs;
        Assert.Null(Find(PresenceDecider.Age(state, Alice, signs, due - 1)));
        var said = Find(PresenceDecider.Age(state, Alice, signs, due))!;
        Assert.Equal(state.Last! with { ChangedAtMs = due, IsRepeated = true }, said);
        var after = new UserPresenceState { Last = said };
        Assert.Null(Find(PresenceDecider.Age(after, Alice, signs, due)));
        Assert.Equal(due + Limits.PresenceRepeatMs, PresenceDecider.NextAgeMs(after, signs));
        Assert.False(Find(PresenceDecider.Act(after, Alice, due))!.IsRepeated);
        Assert.True(Limits.PresenceRepeatMs < Limits.PresenceRemoteMs);
    }

    [Fact]
    public void who_is_forgotten_is_offline_and_keeps_the_message()
    {
        var state = new UserPresenceState { Last = new(Alice, PresenceState.Online, "lunch", 5, true, 5) };
        var gone = Find(PresenceDecider.Forget(state, Alice, Now))!;
        Assert.Equal(new PresenceChanged(Alice, PresenceState.Offline, "lunch", 5, false, Now), gone);
        Assert.Null(Find(PresenceDecider.Forget(new UserPresenceState { Last = gone }, Alice, Now)));
    }

    private static PresenceSigns Signs(long lastActiveMs) => new(lastActiveMs, long.MaxValue, long.MaxValue);

    private static UserPresenceState State(PresenceState presence, bool isActive = false) =>
        new() { Last = new PresenceChanged(Alice, presence, null, 1, isActive, 1) };

    private static PresenceChanged? Find(Decision decision) =>
        (PresenceChanged?)Assert.IsType<Decision.Accepted>(decision).Facts.SingleOrDefault();
}
