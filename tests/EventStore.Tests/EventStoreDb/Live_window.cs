using Matrix.EventSourced.EventStore.EventStoreDb;

namespace Matrix.EventSourced.EventStore.Tests.EventStoreDb;

public sealed class Live_window
{
    private readonly LogRecord[] _batch = new LogRecord[8];

    [Fact]
    public void says_what_stands_after_a_position_and_how_far_that_is_everything()
    {
        var window = new LiveWindow(new LogPosition(10), 4, 1 << 20);
        Publish(window, 11, 15);
        window.Advance(new LogPosition(20));

        Assert.Equal((2, new LogPosition(20), true), window.TryRead(new LogPosition(10), _batch));
        Assert.Equal((1, new LogPosition(20), true), window.TryRead(new LogPosition(12), _batch));
        Assert.Equal((1, new LogPosition(11), false), window.TryRead(new LogPosition(10), _batch.AsSpan(0, 1)));
        Assert.Equal((0, new LogPosition(99), true), window.TryRead(new LogPosition(99), _batch));
        Assert.Null(window.TryRead(new LogPosition(9), _batch));
    }

    [Fact]
    public void forgets_the_oldest_and_knows_that_it_did()
    {
        var window = new LiveWindow(LogPosition.Start, 2, 1 << 20);
        Publish(window, 1, 2, 3);

        Assert.False(window.Covers(LogPosition.Start));
        Assert.Null(window.TryRead(LogPosition.Start, _batch));
        Assert.Equal((2, new LogPosition(3), true), window.TryRead(new LogPosition(1), _batch));
    }

    [Fact]
    public async Task wakes_who_waits_and_fails_only_those_who_wait()
    {
        var window = new LiveWindow(LogPosition.Start, 2, 1 << 20);
        var failed = window.WaitBeyondAsync(LogPosition.Start);
        window.Fail(new EventStoreException("away"));
        await Assert.ThrowsAsync<EventStoreException>(() => failed);

        var grown = window.WaitBeyondAsync(LogPosition.Start);
        Assert.False(grown.IsCompleted);
        Publish(window, 1);
        await grown;
        Assert.True(window.WaitBeyondAsync(LogPosition.Start).IsCompletedSuccessfully);
    }

    private static void Publish(LiveWindow window, params ulong[] positions)
    {
        foreach (var position in positions)
        {
            window.Publish(new LogRecord(
                new LogPosition(position), new StreamName("room", "a"), 0, Guid.Empty, "happened", 0, default, default));
        }
    }
}
