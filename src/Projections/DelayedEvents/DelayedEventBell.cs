namespace Matrix.EventSourced.Projections.DelayedEvents;

/// <summary>Wakes who sends delayed events when there is another one to wait for.</summary>
/// <remarks>Requires: who waits takes <see cref="Rung"/> first and looks at the tables then. LOCK: none; the task is
/// exchanged.</remarks>
public sealed class DelayedEventBell
{
    private TaskCompletionSource _rung = New();

    /// <summary>Ends with the next change.</summary>
    public Task Rung => Volatile.Read(ref _rung).Task;

    public void Ring() => Interlocked.Exchange(ref _rung, New()).TrySetResult();

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
