namespace Matrix.EventSourced.Benchmarks.Log;

/// <summary>When the one record that is under way reached the subscriber.</summary>
internal sealed class Arrivals
{
    private readonly TaskCompletionSource _caughtUp = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TaskCompletionSource<long> _expected =
        new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Task CaughtUp => _caughtUp.Task;

    /// <summary>The next arrival; asked for before the append begins.</summary>
    public Task<long> Expect()
    {
        var next = new TaskCompletionSource<long>(TaskCreationOptions.RunContinuationsAsynchronously);
        Volatile.Write(ref _expected, next);
        return next.Task;
    }

    public void Arrived(long timestamp) => Volatile.Read(ref _expected).TrySetResult(timestamp);

    public void IsLive() => _caughtUp.TrySetResult();

    public void Fail(Exception problem)
    {
        _caughtUp.TrySetException(problem);
        Volatile.Read(ref _expected).TrySetException(problem);
    }
}
