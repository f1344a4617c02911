using Matrix.EventSourced.EventStore.EventStoreDb;

namespace Matrix.EventSourced.EventStore.Tests.EventStoreDb;

public sealed class Waits_between_attempts
{
    [Theory]
    [InlineData(1, 100)]
    [InlineData(2, 200)]
    [InlineData(3, 400)]
    [InlineData(7, 5000)]
    [InlineData(1000, 5000)]
    public void double_up_to_the_longest_and_are_drawn_from_the_upper_half(int failures, int longestMs)
    {
        var backoff = new Backoff(TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(5), new Random(7), TimeProvider.System);

        var waits = Enumerable.Range(0, 200).Select(_ => backoff.After(failures).TotalMilliseconds).ToList();

        Assert.All(waits, wait => Assert.InRange(wait, longestMs / 2.0, longestMs));
        Assert.True(waits.Max() - waits.Min() > longestMs / 4.0, "They all come back at once.");
    }
}
