using System.Collections.Immutable;
using Matrix.EventSourced.Commands.KeyServer;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.KeyServer;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Commands.Tests.KeyServer;

public sealed class Remote_devices_decider
{
    private static readonly UserId Bob = UserId.Parse("@bob:other.org");

    [Fact]
    public void updates_that_follow_are_applied_and_repeated_ones_are_nothing()
    {
        var state = Fetched(5);
        state = Apply(state, 6, [5], "A");
        state = Apply(state, 8, [6], "B");
        Assert.Equal(["A", "B"], state.Devices.Keys);
        foreach (var id in (long[])[3, 5, 6, 8])
            Assert.Same(Decision.Nothing, RemoteDevicesDecider.Apply(state, Update(id, [1], "C")));
        state = Apply(state, 9, [6, 8], "A", isDeleted: true);
        Assert.Equal(["B"], state.Devices.Keys);
        Assert.True(state.IsTracked);
    }

    [Fact]
    public void gap_makes_the_list_outdated()
    {
        IsOutdatedBy(Fetched(6), Update(8, [7], "B"));
        IsOutdatedBy(Fetched(5), Update(7, [], "B"));
        // It comes after one that came after it.
        IsOutdatedBy(Apply(Fetched(5), 7, [5], "A"), Update(6, [5], "B"));

        static void IsOutdatedBy(RemoteDevicesState before, DeviceListUpdate update)
        {
            var state = Evolve(before, RemoteDevicesDecider.Apply(before, update));
            Assert.True(state is { IsTracked: false, IsOutdated: true });
            // Once is enough: whoever wants to know asks the server.
            Assert.Same(Decision.Nothing, RemoteDevicesDecider.Apply(state, Update(99, [98], "B")));
        }
    }

    [Fact]
    public void first_update_of_all_builds_on_nothing()
    {
        var state = Apply(Fetched(0), 1, [], "A");
        Assert.Equal(["A"], state.Devices.Keys);
    }

    [Fact]
    public void of_who_is_not_tracked_clients_hear_once()
    {
        var state = Evolve(
            RemoteDevicesState.Initial, RemoteDevicesDecider.Apply(RemoteDevicesState.Initial, Update(4, [3], "A")));
        Assert.True(state.IsOutdated);
        Assert.Same(Decision.Nothing, RemoteDevicesDecider.Apply(state, Update(5, [4], "A")));
    }

    /// <summary>It cuts off what was told before it: a replay did not find whose lists had changed.</summary>
    [Fact]
    public void list_is_news_unless_nothing_was_said_before()
    {
        var list = new RemoteDeviceListFetched(Bob, 5, [new("A", null, null)], null, null, IsNews: false);
        var first = Fact(RemoteDevicesDecider.Fetched(RemoteDevicesState.Initial, list));
        Assert.False(first.IsNews);
        var state = RemoteDevicesState.Initial.Evolve(first);
        Assert.Same(Decision.Nothing, RemoteDevicesDecider.Fetched(state, list));
        state = state.Evolve(new RemoteDeviceListOutdated(Bob));
        Assert.True(Fact(RemoteDevicesDecider.Fetched(state, list with { StreamId = 6 })).IsNews);
        Assert.True(Fact(RemoteDevicesDecider.Fetched(state, list with { Devices = [] })).IsNews);
        state = state.Evolve(new RemoteDeviceListForgotten(Bob));
        Assert.True(Fact(RemoteDevicesDecider.Fetched(state, list)).IsNews);
    }

    [Fact]
    public void who_is_forgotten_begins_anew()
    {
        var state = Evolve(Fetched(5), RemoteDevicesDecider.Forget(Fetched(5), Bob));
        Assert.False(state.IsTracked || state.IsOutdated);
        Assert.Empty(state.Devices);
        Assert.Same(Decision.Nothing, RemoteDevicesDecider.Forget(state, Bob));
    }

    [Fact]
    public void updates_that_are_remembered_are_few()
    {
        var state = Fetched(0);
        for (var id = 1; id < 5 * Limits.DeviceListUpdatesRememberedMax; id++)
            state = Apply(state, id, id == 1 ? [] : [id - 1], "A");
        Assert.Equal(Limits.DeviceListUpdatesRememberedMax, state.Recent.Count());
    }

    private static RemoteDevicesState Fetched(long streamId) => RemoteDevicesState.Initial.Evolve(
        new RemoteDeviceListFetched(Bob, streamId, [], null, null, IsNews: false));

    private static RemoteDevicesState Apply(
        RemoteDevicesState state, long id, ImmutableArray<long> prevIds, string deviceId, bool isDeleted = false)
    {
        var after = Evolve(state, RemoteDevicesDecider.Apply(state, Update(id, prevIds, deviceId, isDeleted)));
        Assert.Equal(id, after.StreamId);
        return after;
    }

    private static DeviceListUpdate Update(
        long id, ImmutableArray<long> prevIds, string deviceId, bool isDeleted = false) =>
        new(new RemoteDeviceUpdated(Bob, id, deviceId, null, null, isDeleted), prevIds);

    private static RemoteDevicesState Evolve(RemoteDevicesState state, Decision decision) =>
        Assert.IsType<Decision.Accepted>(decision).Facts.Aggregate(state, (before, fact) => before.Evolve(fact));

    private static RemoteDeviceListFetched Fact(Decision decision) =>
        (RemoteDeviceListFetched)Assert.IsType<Decision.Accepted>(decision).Facts.Single();
}
