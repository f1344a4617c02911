using Matrix.EventSourced.EventStore;

namespace Matrix.EventSourced.Projections.Hosting;

/// <summary>How far the live version of a projection is, and who waits for it to get further.</summary>
/// <remarks>
/// Shape: goes back only when PostgreSQL lost commits in a crash. Cost: one memory read for those who have nothing to
/// wait for; one small object for the others. LOCK: a leaf, nothing is called under it.
/// </remarks>
internal sealed class AppliedPosition
{
    private readonly Lock _lock = new();
    private readonly List<Waiter> _waiters = [];
    private TaskCompletionSource? _wanted;
    private ulong _value;
    private bool _isStopped = true;

    public LogPosition Value => new(Volatile.Read(ref _value));

    /// <summary>The projection follows the log from here; waiting makes sense.</summary>
    public void Follow(LogPosition from)
    {
        lock (_lock)
            _isStopped = false;
        MoveTo(from);
    }

    public void MoveTo(LogPosition position)
    {
        lock (_lock)
        {
            Volatile.Write(ref _value, position.Value);
            for (var i = _waiters.Count - 1; i >= 0; i--)
            {
                if (_waiters[i].Position <= position)
                    Complete(i, isReached: true);
            }
        }
    }

    /// <summary>Completes when somebody waits for the projection to get further.</summary>
    public Task WantedAsync()
    {
        lock (_lock)
        {
            if (_waiters.Count > 0)
                return Task.CompletedTask;
            _wanted ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return _wanted.Task;
        }
    }

    /// <summary>The projection will not move any more: nobody waits in vain.</summary>
    public void Stop()
    {
        lock (_lock)
        {
            _isStopped = true;
            for (var i = _waiters.Count - 1; i >= 0; i--)
                Complete(i, isReached: false);
        }
    }

    /// <summary>True once the position is reached; false when it was not reached in time or the projection
    /// stopped.</summary>
    public ValueTask<bool> WaitAsync(
        LogPosition position,
        TimeSpan timeout,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        if (Value >= position)
            return new(true);

        var waiter = new Waiter(position);
        lock (_lock)
        {
            if (Value >= position)
                return new(true);
            if (_isStopped)
                return new(false);
            _waiters.Add(waiter);
            _wanted?.SetResult();
            _wanted = null;
        }
        return WaitSlowlyAsync(waiter, timeout, time, cancellationToken);
    }

    private async ValueTask<bool> WaitSlowlyAsync(
        Waiter waiter,
        TimeSpan timeout,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        try
        {
            return await waiter.Task.WaitAsync(timeout, time, cancellationToken);
        }
        catch (TimeoutException)
        {
            return false;
        }
        finally
        {
            if (!waiter.Task.IsCompleted)
            {
                lock (_lock)
                    _waiters.Remove(waiter);
            }
        }
    }

    private void Complete(int index, bool isReached)
    {
        _waiters[index].TrySetResult(isReached);
        _waiters[index] = _waiters[^1];
        _waiters.RemoveAt(_waiters.Count - 1);
    }

    private sealed class Waiter(LogPosition position)
        : TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously)
    {
        public LogPosition Position { get; } = position;
    }
}
