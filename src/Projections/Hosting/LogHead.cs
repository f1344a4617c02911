using Matrix.EventSourced.EventStore;

namespace Matrix.EventSourced.Projections.Hosting;

/// <summary>Reads the head of the log, one read in flight for everybody who came before it began.</summary>
/// <remarks>
/// A read that is already under way may have looked before the caller's own write was there, so a newcomer never joins
/// it: it joins the next.
/// Cost: where the engine answers from memory, that answer and nothing else.
/// </remarks>
internal sealed class LogHead(IEventReader reader)
{
    private readonly Lock _lock = new();
    private Task<LogPosition>? _inFlight;
    private Task<LogPosition>? _next;

    public ValueTask<LogPosition> ReadAsync(CancellationToken cancellationToken)
    {
        if (Volatile.Read(ref _inFlight) is null)
        {
            var read = reader.ReadHeadAsync(CancellationToken.None);
            if (read.IsCompleted)
                return read;
            return new(Lead(read).WaitAsync(cancellationToken));
        }
        Task<LogPosition> next;
        lock (_lock)
            next = _next ??= ReadNextAsync(_inFlight);
        return new(next.WaitAsync(cancellationToken));
    }

    private Task<LogPosition> Lead(ValueTask<LogPosition> read)
    {
        var task = read.AsTask();
        lock (_lock)
            _inFlight ??= task;
        _ = ForgetAsync(task);
        return task;
    }

    private async Task ForgetAsync(Task<LogPosition> task)
    {
        await SettledAsync(task);
        lock (_lock)
        {
            if (_inFlight == task)
                _inFlight = null;
        }
    }

    private async Task<LogPosition> ReadNextAsync(Task<LogPosition>? before)
    {
        await Task.Yield();
        if (before is not null)
            await SettledAsync(before);
        Task<LogPosition> read;
        lock (_lock)
        {
            read = reader.ReadHeadAsync(CancellationToken.None).AsTask();
            _inFlight = read;
            _next = null;
        }
        _ = ForgetAsync(read);
        return await read;
    }

    private static Task SettledAsync(Task task) =>
        task.ContinueWith(
            static _ => { },
            CancellationToken.None,
            TaskContinuationOptions.ExecuteSynchronously,
            TaskScheduler.Default);
}
