using Matrix.EventSourced.Projections.Roomserver;

namespace Matrix.EventSourced.Projections.Sync;

/// <content>Device lists: for whom something may be new, so that all others ask no table.</content>
/// <remarks>
/// Two things make news: a device list of somebody who shares a room with the user, and who shares one. Both are noted
/// at the feeds that they concern. Where the rooms of somebody whose list changed are not in memory, everybody has to
/// ask.
/// </remarks>
public sealed partial class LiveView
{
    private long _lastDeviceList;

    /// <summary>The last change that could not be placed.</summary>
    private long _lastUnplacedDeviceList;

    /// <summary>The device list of a user is new, for them and all who share a room with them; false where the user's
    /// rooms are not in memory: then nobody is woken.</summary>
    public bool TouchDeviceList(string userId, long position)
    {
        lock (_lock)
        {
            _lastDeviceList = Math.Max(_lastDeviceList, position);
            if (!_users.TryGetValue(userId, out var feed) || !feed.IsLoaded)
            {
                _lastUnplacedDeviceList = Math.Max(_lastUnplacedDeviceList, position);
                return false;
            }
            feed.TouchDeviceLists(position);
            foreach (var membership in feed.Memberships.Values)
            {
                if (membership.Membership != Membership.Join
                    || !_rooms.TryGetValue(membership.RoomId, out var room))
                    continue;
                foreach (var follower in room.Followers)
                    follower.TouchDeviceLists(position);
            }
            return true;
        }
    }

    /// <summary>Something is new that only the user sees.</summary>
    public void TouchOwnDeviceList(string userId, long position)
    {
        lock (_lock)
        {
            _lastDeviceList = Math.Max(_lastDeviceList, position);
            if (_users.TryGetValue(userId, out var feed))
                feed.TouchDeviceLists(position);
        }
    }

    /// <summary>Nothing is known of what happened to device lists up to here.</summary>
    internal void ForgetDeviceLists(long upTo)
    {
        lock (_lock)
            _lastDeviceList = _lastUnplacedDeviceList = Math.Max(_lastDeviceList, upTo);
    }

    /// <summary>False only when no device list that concerns the user changed after a position, and nobody began or
    /// ceased to share a room with them.</summary>
    internal bool MayHaveDeviceListNews(string userId, long after)
    {
        lock (_lock)
        {
            return _lastUnplacedDeviceList > after
                || !_users.TryGetValue(userId, out var feed)
                || !feed.IsLoaded
                || feed.LastDeviceLists > after;
        }
    }

    private void MarkSharing(string user, string roomId, MembershipRow row)
    {
        if (!row.IsSet)
            return;
        // Who left follows the room no more.
        if (_users.TryGetValue(user, out var own))
            own.MarkDeviceLists(row.Position);
        if (!_rooms.TryGetValue(roomId, out var room))
            return;
        foreach (var feed in room.Followers)
            feed.MarkDeviceLists(row.Position);
    }
}
