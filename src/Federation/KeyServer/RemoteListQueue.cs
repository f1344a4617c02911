using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Federation.KeyServer;

/// <summary>Device lists of one server that have to be fetched: one after the other, with backoff while it is
/// away.</summary>
/// <remarks>A list that a server refuses is not asked for again until it is outdated anew, or a client asks. LOCK: a
/// leaf.</remarks>
internal sealed class RemoteListQueue(
    RemoteDeviceLists lists, ServerName server, TimeProvider time, CancellationToken stopping)
{
    private readonly Lock _lock = new();
    private readonly LinkedList<UserId> _due = [];
    private readonly HashSet<UserId> _known = [];
    private bool _isRunning;
    private long _lastAttempt;
    private TaskCompletionSource? _waiting;

    public Task Running { get; private set; } = Task.CompletedTask;

    public bool IsRunning
    {
        get
        {
            lock (_lock)
                return _isRunning;
        }
    }

    public void Add(UserId user)
    {
        lock (_lock)
        {
            if (_due.Count < KeyServerLimits.ListsWaitingMax && _known.Add(user))
                _due.AddLast(user);
            // Whatever comes says that the server is up; but one attempt a second is enough.
            if (time.GetElapsedTime(_lastAttempt) >= KeyServerLimits.BackoffFirst)
                _waiting?.TrySetResult();
            if (_isRunning)
                return;
            _isRunning = true;
            Running = RunAsync();
        }
    }

    private async Task RunAsync()
    {
        await Task.Yield();
        var failures = 0;
        while (!stopping.IsCancellationRequested)
        {
            UserId user;
            lock (_lock)
            {
                if (_due.First is not { } first)
                {
                    _isRunning = false;
                    break;
                }
                user = first.Value;
                _lastAttempt = time.GetTimestamp();
            }
            try
            {
                var outcome = await lists.TryFetchAsync(user);
                if (outcome != FetchOutcome.Away)
                {
                    failures = 0;
                    Done(user);
                    continue;
                }
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested)
            {
                break;
            }
            catch (Exception problem)
            {
                // The database or the log is away.
                lists.LogFault(problem);
            }
            await WaitAsync(++failures);
        }
        lists.QueueEnded(server, this);
    }

    private void Done(UserId user)
    {
        lock (_lock)
        {
            _due.Remove(user);
            _known.Remove(user);
        }
    }

    private async ValueTask WaitAsync(int failures)
    {
        var wait = KeyServerLimits.BackoffFirst * Math.Pow(2, Math.Min(failures - 1, 20));
        if (wait > KeyServerLimits.BackoffMax)
            wait = KeyServerLimits.BackoffMax;
        var waiting = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock)
            _waiting = waiting;
        using var timer = time.CreateTimer(
            static state => ((TaskCompletionSource)state!).TrySetResult(), waiting, wait, Timeout.InfiniteTimeSpan);
        await using var ending = stopping.Register(() => waiting.TrySetResult());
        await waiting.Task;
    }
}

/// <summary>What became of an attempt to fetch a list.</summary>
internal enum FetchOutcome
{
    /// <summary>It is here, or it is not for us to have.</summary>
    Settled,

    /// <summary>The server cannot be reached now.</summary>
    Away,
}
