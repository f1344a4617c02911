using Matrix.EventSourced.Projections.Sync;

namespace Matrix.EventSourced.Projections.ToDevice;

/// <summary>Which devices certainly have no messages: what a sync looks at before it asks PostgreSQL.</summary>
/// <remarks>
/// Bounded: of what fell out, and of everything before the process began, it says that there may be something.
/// LOCK: a leaf for its own maps; the live view is called outside it.
/// </remarks>
public sealed class LiveToDevice(LiveView view)
{
    /// <summary>LIMIT: devices, and users, remembered. Ours: some megabytes; more than sync at once.</summary>
    private const int EntriesMax = 50_000;

    private readonly Lock _lock = new();
    private readonly Dictionary<string, long> _userToLast = new(StringComparer.Ordinal);
    private readonly Dictionary<(string User, string Device), long> _deviceToEmptyAt = [];

    /// <summary>What was sent up to here may not be in the map.</summary>
    private long _knownFrom;

    /// <summary>Starts over: nothing is known of what happened up to here.</summary>
    internal void Reset(long upTo)
    {
        lock (_lock)
            Forget(upTo);
    }

    internal void Sent(string userId, long position)
    {
        lock (_lock)
        {
            if (_userToLast.Count >= EntriesMax && !_userToLast.ContainsKey(userId))
                Forget(_userToLast.Values.Max());
            _userToLast[userId] = position;
        }
        view.TouchUser(userId, position);
    }

    /// <summary>The tables, as of a position, had nothing for the device.</summary>
    internal void WasEmpty(string userId, string deviceId, long position)
    {
        lock (_lock)
        {
            if (position < _knownFrom)
                return;
            if (_deviceToEmptyAt.Count >= EntriesMax)
                _deviceToEmptyAt.Clear();
            _deviceToEmptyAt[(userId, deviceId)] = position;
        }
    }

    /// <summary>False only when nothing waits for the device.</summary>
    public bool MayHaveMessages(string userId, string deviceId)
    {
        lock (_lock)
        {
            return !_deviceToEmptyAt.TryGetValue((userId, deviceId), out var emptyAt)
                || (_userToLast.TryGetValue(userId, out var last) && last > emptyAt);
        }
    }

    private void Forget(long upTo)
    {
        _userToLast.Clear();
        _deviceToEmptyAt.Clear();
        _knownFrom = upTo;
    }
}
