namespace Matrix.EventSourced.Projections.Roomserver;

/// <summary>Tells those who look into one room from outside that something happened there.</summary>
/// <remarks>
/// For readers who are no members: members are told by /sync. What happened is not said; whoever was told reads the
/// tables, through the gate.
/// </remarks>
public sealed class RoomActivity
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, List<TaskCompletionSource>> _roomIdToWaiters = [];

    /// <summary>Ends when something happens in the room after this call; give it back with
    /// <see cref="StopWaiting"/>.</summary>
    public TaskCompletionSource Wait(string roomId)
    {
        var waiter = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock)
        {
            if (!_roomIdToWaiters.TryGetValue(roomId, out var waiters))
                _roomIdToWaiters[roomId] = waiters = [];
            waiters.Add(waiter);
        }
        return waiter;
    }

    public void StopWaiting(string roomId, TaskCompletionSource waiter)
    {
        lock (_lock)
        {
            if (_roomIdToWaiters.TryGetValue(roomId, out var waiters)
                && waiters.Remove(waiter)
                && waiters.Count == 0)
            {
                _roomIdToWaiters.Remove(roomId);
            }
        }
    }

    internal void Happened(string roomId)
    {
        lock (_lock)
        {
            if (!_roomIdToWaiters.Remove(roomId, out var waiters))
                return;
            foreach (var waiter in waiters)
                waiter.TrySetResult();
        }
    }
}
