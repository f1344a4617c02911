namespace Matrix.EventSourced.Projections.Sync;

/// <summary>Which members' events a device has been sent, so that lazy loading does not repeat them.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #lazy-loading-room-members (redundant members may be left out).
/// INVARIANT: a member counts as sent only once the device came back with a token at or after the answer that carried
/// it; a lost answer is
/// repeated in full. Later changes of that member reach the device through the timeline or the gap's state. Memory
/// only: forgetting is harmless.
/// </remarks>
public sealed class LazyMembers
{
    /// <summary>LIMIT: devices remembered, and members per device. Ours.</summary>
    private const int DevicesMax = 5_000;
    private const int MembersMax = 5_000;

    private readonly Lock _lock = new();
    private readonly Dictionary<(
        string User, string Device), Dictionary<(string Room, string Member), long>> _devices = [];

    public bool WasSent(string user, string device, string room, string member, long since)
    {
        lock (_lock)
        {
            return _devices.TryGetValue((user, device), out var sent)
                && sent.TryGetValue((room, member), out var at)
                && at <= since;
        }
    }

    public void Sent(string user, string device, string room, string member, long nextBatch)
    {
        lock (_lock)
        {
            if (!_devices.TryGetValue((user, device), out var sent))
            {
                if (_devices.Count >= DevicesMax)
                    _devices.Clear();
                _devices[(user, device)] = sent = [];
            }
            if (sent.Count >= MembersMax)
                sent.Clear();
            sent.TryAdd((room, member), nextBatch);
        }
    }

    /// <summary>An initial sync starts over: the device knows nothing.</summary>
    public void Forget(string user, string device)
    {
        lock (_lock)
            _devices.Remove((user, device));
    }
}
