namespace Matrix.EventSourced.EventStore.Gateway;

/// <summary>How much of one call may be on its way at the same time; whoever reads the call waits for
/// room.</summary>
/// <remarks>Shape: one waiter, any number that leave. What is larger than the bound alone still gets through,
/// alone.</remarks>
internal sealed class InFlight(int countMax, long bytesMax)
{
    private readonly Lock _lock = new();
    private TaskCompletionSource? _left;
    private int _count;
    private long _bytes;

    public async ValueTask EnterAsync(long bytes, CancellationToken cancellationToken)
    {
        while (true)
        {
            Task left;
            lock (_lock)
            {
                if (_count == 0 || (_count < countMax && _bytes + bytes <= bytesMax))
                {
                    _count++;
                    _bytes += bytes;
                    return;
                }
                left = Signal();
            }
            await left.WaitAsync(cancellationToken);
        }
    }

    public void Leave(long bytes)
    {
        TaskCompletionSource? left;
        lock (_lock)
        {
            _count--;
            _bytes -= bytes;
            left = _left;
            _left = null;
        }
        left?.SetResult();
    }

    /// <summary>Ends when nothing is on its way.</summary>
    public async ValueTask DrainAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            Task left;
            lock (_lock)
            {
                if (_count == 0)
                    return;
                left = Signal();
            }
            await left.WaitAsync(cancellationToken);
        }
    }

    private Task Signal() =>
        (_left ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
}
