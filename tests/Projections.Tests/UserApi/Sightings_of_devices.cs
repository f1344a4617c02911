using Matrix.EventSourced.Projections.UserApi;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Projections.Tests.UserApi;

public class Sightings_of_devices
{
    private static readonly UserId Alice = UserId.Parse("@alice:hs");

    private readonly DeviceSightings _sightings = new();

    [Fact]
    public void are_taken_once_a_round_in_the_order_of_the_devices()
    {
        _sightings.Note(Alice, "B", At(1));
        _sightings.Note(Alice, "A", At(2));
        Assert.True(_sightings.IsNoted(Alice, "A"));
        Assert.Equal(["A", "B"], _sightings.BeginRound().Select(one => one.Key.DeviceId));
        Assert.False(_sightings.IsNoted(Alice, "A"));
        _sightings.EndRound();
        Assert.Empty(_sightings.BeginRound());
        Assert.False(_sightings.TryFind(Alice, "A", out _));
    }

    [Fact]
    public void of_a_round_that_failed_are_in_the_next_unless_there_is_a_newer_one()
    {
        _sightings.Note(Alice, "A", At(1));
        _sightings.Note(Alice, "B", At(1));
        _sightings.BeginRound();
        _sightings.Note(Alice, "A", At(2));
        Assert.Equal([2L, 1L], _sightings.BeginRound().Select(one => one.Value!.SeenAtMs));
    }

    [Fact]
    public void of_a_deleted_device_are_gone_at_once_whatever_round_has_them()
    {
        _sightings.Note(Alice, "A", At(1));
        _sightings.BeginRound();
        _sightings.Forget(Alice, "A");
        Assert.True(_sightings.TryFind(Alice, "A", out var sighting));
        Assert.Null(sighting);
        _sightings.EndRound();
        Assert.Null(Assert.Single(_sightings.BeginRound()).Value);
        // The same id again is another device.
        _sightings.Note(Alice, "A", At(3));
        Assert.Equal(3, Assert.Single(_sightings.BeginRound()).Value?.SeenAtMs);
    }

    private static DeviceSighting At(long ms) => new(ms, "203.0.113.7", null);
}
