using Matrix.EventSourced.Projections.Roomserver;

namespace Matrix.EventSourced.Projections.Tests.Roomserver;

/// <summary>Spec: client-server-api #room-history-visibility, the five rules and the two special cases.</summary>
public sealed class History_visibility
{
    [Theory]
    [InlineData(HistoryVisibility.WorldReadable, Membership.Leave, false, true)]
    [InlineData(HistoryVisibility.WorldReadable, Membership.Ban, false, true)]
    [InlineData(HistoryVisibility.Shared, Membership.Join, false, true)]
    [InlineData(HistoryVisibility.Shared, Membership.Leave, false, false)]
    [InlineData(HistoryVisibility.Shared, Membership.Leave, true, true)]
    [InlineData(HistoryVisibility.Shared, Membership.Invite, false, false)]
    [InlineData(HistoryVisibility.Invited, Membership.Invite, false, true)]
    [InlineData(HistoryVisibility.Invited, Membership.Leave, true, false)]
    [InlineData(HistoryVisibility.Joined, Membership.Invite, true, false)]
    [InlineData(HistoryVisibility.Joined, Membership.Join, false, true)]
    public void decides_by_visibility_and_membership_at_the_pdu(
        HistoryVisibility visibility, Membership membership, bool joinsLater, bool isVisible)
    {
        var history = new RoomHistory { UserId = "@ada:t" };
        history.AddVisibility(5, visibility);
        history.AddMembership(6, membership);
        if (joinsLater)
            history.AddMembership(20, Membership.Join);
        Assert.Equal(isVisible, history.CanSee(Stored(10, "m.room.message", null)));
    }

    [Fact]
    public void shared_is_the_visibility_of_a_room_that_says_nothing()
    {
        var history = new RoomHistory { UserId = "@ada:t" };
        Assert.False(history.CanSee(Stored(10, "m.room.message", null)));
        history.AddMembership(11, Membership.Join);
        Assert.True(history.CanSee(Stored(10, "m.room.message", null)));
    }

    [Fact]
    public void a_change_of_visibility_is_seen_under_the_old_or_the_new_one()
    {
        var history = new RoomHistory { UserId = "@ada:t" };
        history.AddVisibility(5, HistoryVisibility.Joined);
        history.AddVisibility(10, HistoryVisibility.WorldReadable);
        history.AddVisibility(20, HistoryVisibility.Joined);
        Assert.True(history.CanSee(Stored(10, "m.room.history_visibility", "")));
        Assert.True(history.CanSee(Stored(20, "m.room.history_visibility", "")));
        Assert.False(history.CanSee(Stored(10, "m.room.message", null)));
        Assert.False(history.CanSee(Stored(21, "m.room.message", null)));
    }

    [Fact]
    public void ones_own_membership_changes_are_seen_even_in_joined_history()
    {
        var history = new RoomHistory { UserId = "@ada:t" };
        history.AddVisibility(5, HistoryVisibility.Joined);
        history.AddMembership(10, Membership.Join);
        history.AddMembership(20, Membership.Leave);
        Assert.True(history.CanSee(Stored(10, "m.room.member", "@ada:t")));
        Assert.True(history.CanSee(Stored(20, "m.room.member", "@ada:t")));
        Assert.False(history.CanSee(Stored(21, "m.room.member", "@bob:t")));
        Assert.Equal(20, history.LeftAt);
    }

    [Fact]
    public void former_members_see_nothing_after_they_left()
    {
        var history = new RoomHistory { UserId = "@ada:t" };
        history.AddVisibility(5, HistoryVisibility.Shared);
        history.AddMembership(10, Membership.Join);
        history.AddMembership(20, Membership.Ban);
        Assert.True(history.CanSee(Stored(7, "m.room.message", null)));
        Assert.True(history.CanSee(Stored(19, "m.room.message", null)));
        Assert.False(history.CanSee(Stored(25, "m.room.message", null)));
    }

    private static StoredEvent Stored(long position, string type, string? stateKey) => new()
    {
        RoomId = "!r:t",
        EventId = "$e",
        RoomVersion = "11",
        Position = position,
        Type = type,
        StateKey = stateKey,
        Sender = "@bob:t",
        OriginServerTs = 0,
        HasUrl = false,
        Json = default,
    };
}
