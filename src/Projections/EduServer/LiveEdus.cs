using Matrix.EventSourced.Projections.Sync;

namespace Matrix.EventSourced.Projections.EduServer;

/// <summary>Where EDUs are new: what a sync looks at before it asks PostgreSQL, and what ends long polls.</summary>
/// <remarks>
/// Bounded: about rooms that fell out, and about everything before the process began, it says that there may be
/// something, and the tables are asked.
/// LOCK: a leaf for its own maps; the live view is called outside it.
/// </remarks>
public sealed class LiveEdus(LiveView view, PresenceWaker waker)
{
    /// <summary>LIMIT: rooms remembered. Ours: some megabytes; more rooms than are alive at once.</summary>
    private const int RoomsMax = 50_000;

    private readonly Lock _lock = new();
    private readonly Dictionary<string, long> _roomIdToLast = new(StringComparer.Ordinal);
    private long _roomsKnownFrom = long.MaxValue;
    private long _lastOfAnyRoom = long.MaxValue;
    private long _lastPresence = long.MaxValue;

    /// <summary>Starts over: nothing is known of what happened up to here.</summary>
    internal void Reset(long upTo)
    {
        lock (_lock)
        {
            _roomIdToLast.Clear();
            (_roomsKnownFrom, _lastOfAnyRoom, _lastPresence) = (upTo, upTo, upTo);
        }
    }

    internal void RoomChanged(string roomId, long position, string? onlyFor = null)
    {
        lock (_lock)
        {
            if (_roomIdToLast.Count >= RoomsMax && !_roomIdToLast.ContainsKey(roomId))
            {
                _roomsKnownFrom = _roomIdToLast.Values.Max();
                _roomIdToLast.Clear();
            }
            _roomIdToLast[roomId] = _lastOfAnyRoom = position;
        }
        if (onlyFor is null)
            view.TouchRoom(roomId, position);
        else
            view.TouchUser(onlyFor, position);
    }

    internal void PresenceChanged(string userId, long position)
    {
        lock (_lock)
            _lastPresence = position;
        waker.Wake(userId, position);
    }

    /// <summary>False only when no room has an EDU after the position.</summary>
    public bool MayHaveNews(long after)
    {
        lock (_lock)
            return _lastOfAnyRoom > after;
    }

    /// <summary>False only when the room has no EDU after the position.</summary>
    public bool MayHaveRoomNews(string roomId, long after)
    {
        lock (_lock)
            return after < _roomsKnownFrom || (_roomIdToLast.TryGetValue(roomId, out var last) && last > after);
    }

    /// <summary>False only when nobody's presence changed after the position.</summary>
    public bool MayHavePresenceNews(long after)
    {
        lock (_lock)
            return _lastPresence > after;
    }
}
