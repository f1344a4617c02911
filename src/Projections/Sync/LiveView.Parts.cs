using Matrix.EventSourced.Projections.Roomserver;

namespace Matrix.EventSourced.Projections.Sync;

/// <content>News that other projections have: whom it concerns.</content>
public sealed partial class LiveView
{
    /// <summary>Something of a room is new, for all who follow it.</summary>
    public void TouchRoom(string roomId, long position)
    {
        lock (_lock)
            TouchFollowers(roomId, position);
    }

    /// <summary>Something is new for one user.</summary>
    public void TouchUser(string userId, long position)
    {
        lock (_lock)
        {
            if (_users.TryGetValue(userId, out var feed))
                feed.Touch(position);
        }
    }

    /// <summary>Something of a user is new, for them and all who share a room with them; false where the user's rooms
    /// are not in memory.</summary>
    public bool TouchSharers(string userId, long position)
    {
        lock (_lock)
        {
            if (!_users.TryGetValue(userId, out var feed) || !feed.IsLoaded)
                return false;
            feed.Touch(position);
            foreach (var membership in feed.Memberships.Values)
            {
                if (membership.Membership == Membership.Join)
                    TouchFollowers(membership.RoomId, position);
            }
            return true;
        }
    }

    /// <summary>The rooms that the user has joined, as of a position at or after the view's.</summary>
    internal List<UserMembership> JoinedRooms(UserFeed feed, long upTo)
    {
        lock (_lock)
        {
            var joined = new List<UserMembership>(feed.Memberships.Count);
            foreach (var membership in feed.Memberships.Values)
            {
                if (membership.Membership == Membership.Join && membership.Since <= upTo)
                    joined.Add(membership);
            }
            return joined;
        }
    }

    /// <summary>The last position at which something concerned the user.</summary>
    internal (long Any, long AccountData) LastNewsOf(UserFeed feed)
    {
        lock (_lock)
            return (feed.LastRelevant, feed.LastAccountData);
    }
}
