namespace Matrix.EventSourced.EventStore.EventStoreDb;

/// <summary>Waits that double up to a bound, each drawn from its upper half, so that many clients do not come back at
/// once.</summary>
internal sealed class Backoff(TimeSpan first, TimeSpan longest, Random random, TimeProvider time)
{
    private const int DoublingsMax = 20;

    private readonly Lock _lock = new();

    /// <param name="failures">Failures in a row so far; the wait after the first is the shortest.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task WaitAsync(int failures, CancellationToken cancellationToken) =>
        Task.Delay(After(failures), time, cancellationToken);

    internal TimeSpan After(int failures)
    {
        var doubled = first * (1L << Math.Clamp(failures - 1, 0, DoublingsMax));
        var bounded = doubled < longest ? doubled : longest;
        lock (_lock)
            return bounded * (0.5 + (random.NextDouble() / 2));
    }
}
