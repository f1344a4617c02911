using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Projections.Sync.Sliding;

namespace Matrix.EventSourced.Projections.Sync;

/// <summary>What /sync knows without asking PostgreSQL: the newest PDUs of all rooms, who follows which room, and who
/// waits.</summary>
/// <remarks>
/// <code>
///   committed batch ──► ring: the last PDUs of the log, by room ──► followers of the room ──► their long polls end
///                   └─► memberships of the users that sync    ──► the user's long polls end
///                   └─► account data of the users that sync   ──► the user's long polls end
/// </code>
/// Fed by the projection after each commit, so what it says is never ahead of the tables. Bounded; what fell out is
/// read from the tables.
/// LOCK: one lock, held for memory work only.
/// </remarks>
public sealed partial class LiveView(LiveViewLimits limits)
{
    private readonly Lock _lock = new();
    private readonly Queue<(LiveRoom Room, LiveEntry Entry)> _ring = [];
    private readonly Dictionary<string, LiveRoom> _rooms = [];
    private readonly Dictionary<string, UserFeed> _users = [];
    private long _bytes;
    private long _position;
    private long _uses;

    /// <summary>Every PDU after this position is in the ring; null until the first batch or the first reader says
    /// where the log stands.</summary>
    private long? _ringStart;

    public LiveView()
        : this(new())
    {
    }

    /// <summary>What lists of rooms are sorted by.</summary>
    public RoomShapes Shapes { get; } = new();

    /// <summary>Rooms whose guests have to be looked after.</summary>
    public GuestAccessChanges GuestAccess { get; } = new();

    /// <summary>The position that the view has followed the log to.</summary>
    public long Position
    {
        get
        {
            lock (_lock)
                return _position;
        }
    }

    /// <summary>Nothing concerned a user up to here.</summary>
    internal void Advance(long upTo)
    {
        lock (_lock)
            MoveTo(upTo);
    }

    private void MoveTo(long upTo)
    {
        _ringStart ??= upTo;
        if (upTo > _position)
            _position = upTo;
    }

    /// <summary>Starts over at a position: what was in memory may have missed something. Whoever waits comes back and
    /// reads the tables.</summary>
    internal void Reset(long upTo)
    {
        lock (_lock)
        {
            _ring.Clear();
            _bytes = 0;
            _ringStart = upTo;
            _position = Math.Max(_position, upTo);
            var feeds = _users.Values.ToList();
            foreach (var feed in feeds)
                Drop(feed);
            _rooms.Clear();
            Shapes.Clear();
        }
        GuestAccess.NoteAll();
    }

    internal void Apply(RoomserverChanges changes, long firstPosition)
    {
        lock (_lock)
        {
            _ringStart ??= firstPosition - 1;
            foreach (var redaction in changes.Redactions)
                Redact(redaction);
            foreach (var change in changes.Timeline)
                AddToRing(change);
            // Memberships before the wake-ups: who joins follows the room from here on, who leaves is told a last time
            // below.
            foreach (var (user, room, row) in changes.Memberships)
                Follow(user, room, row);
            foreach (var (user, room, row) in changes.Memberships)
                MarkSharing(user, room, row);
            foreach (var (room, position) in changes.StateOnly)
            {
                Shapes.StateMoved(room);
                TouchFollowers(room, position);
            }
            foreach (var (user, position) in changes.Accounts)
            {
                if (_users.TryGetValue(user, out var feed))
                    feed.TouchAccountData(position);
            }
            MoveTo(changes.UpTo);
            Shrink();
        }
        foreach (var room in changes.GuestAccess)
            GuestAccess.Note(room);
    }

    private void AddToRing(TimelineChange change)
    {
        var room = RoomOf(change.Event.RoomId);
        // After a crash PostgreSQL may have lost its last commits; what is applied again is here already.
        if (room.Entries is [.., var last] && last.Position >= change.Event.Position)
            return;
        Shapes.Happened(
            change.Event.RoomId, change.Event.Position, change.Event.Type, change.Event.StateKey is not null);
        var entry = new LiveEntry(change);
        room.Add(entry);
        _ring.Enqueue((room, entry));
        _bytes += change.Event.Json.Length;
        foreach (var feed in room.Followers)
            feed.Touch(change.Event.Position);
    }

    private void TouchFollowers(string roomId, long position)
    {
        if (!_rooms.TryGetValue(roomId, out var room))
            return;
        foreach (var feed in room.Followers)
            feed.Touch(position);
    }

    private void Follow(string user, string roomId, MembershipRow row)
    {
        if (!_users.TryGetValue(user, out var feed))
            return;
        if (!feed.IsLoaded)
        {
            // What the tables are about to say may be older or newer than this change; it is laid on top then.
            feed.Early.Add((roomId, row));
            return;
        }
        Follow(feed, roomId, row);
    }

    private void Follow(UserFeed feed, string roomId, MembershipRow row)
    {
        var known = feed.Memberships.TryGetValue(roomId, out var before);
        if (!row.IsSet)
        {
            if (known)
                feed.Memberships[roomId] = before with { IsForgotten = row.IsForgotten };
            return;
        }
        if (row.Value is not { } value)
        {
            // Only the tables know it (a member event that came back by state resolution): the next sync reads them
            // again.
            Drop(feed);
            return;
        }
        var since = row.IsOneRun && known && before.Membership == value ? before.Since : row.Since;
        Set(feed, new(roomId, value, row.IsForgotten, row.Position, since, row.EventId!));
        feed.Touch(row.Position);
    }

    private void Set(UserFeed feed, UserMembership membership)
    {
        if (feed.Memberships.TryGetValue(membership.RoomId, out var before) && before.Position > membership.Position)
            return;
        feed.Memberships[membership.RoomId] = membership;
        if (membership.Membership == Membership.Join)
            RoomOf(membership.RoomId).Followers.Add(feed);
        else if (_rooms.TryGetValue(membership.RoomId, out var room))
            room.Followers.Remove(feed);
    }

    private LiveRoom RoomOf(string roomId)
    {
        if (!_rooms.TryGetValue(roomId, out var room))
            _rooms[roomId] = room = new(roomId);
        return room;
    }

    private void Redact(OlderRedaction redaction)
    {
        // Redactions are rare and the ring is short: a walk is cheaper than an index kept for every PDU.
        foreach (var room in _rooms.Values)
            room.Redact(redaction.Target, redaction.Json, redaction.RedactedBy);
    }

    private void Shrink()
    {
        while (_ring.Count > limits.EventsMax || _bytes > limits.BytesMax)
        {
            var (room, entry) = _ring.Dequeue();
            room.DropFirst();
            _bytes -= entry.Event.Json.Length;
            _ringStart = entry.Position;
            if (room.IsUnused)
                _rooms.Remove(room.RoomId);
        }
        if (_users.Count > limits.UsersMax)
            DropUnused();
    }

    private void DropUnused()
    {
        var unused = _users.Values
            .Where(feed => !feed.HasWaiters && feed.Loading.Task.IsCompleted)
            .OrderBy(feed => feed.LastUsed)
            .Take((limits.UsersMax / 10) + 1)
            .ToList();
        foreach (var feed in unused)
            Drop(feed);
    }

    private void Drop(UserFeed feed)
    {
        _users.Remove(feed.UserId);
        foreach (var roomId in feed.Memberships.Keys)
        {
            if (!_rooms.TryGetValue(roomId, out var room))
                continue;
            room.Followers.Remove(feed);
            if (room.IsUnused)
                _rooms.Remove(roomId);
        }
        feed.Touch(_position);
    }

    /// <summary>The user's feed; IsNew says that the caller has to load it, all others wait for its Loading.</summary>
    internal (UserFeed Feed, bool IsNew) OpenFeed(string userId)
    {
        lock (_lock)
        {
            if (_users.TryGetValue(userId, out var feed))
            {
                feed.LastUsed = ++_uses;
                return (feed, false);
            }
            _users[userId] = feed = new(userId) { LastUsed = ++_uses };
            return (feed, true);
        }
    }

    /// <summary>Takes in what the tables say. A change that was committed meanwhile is newer and stays.</summary>
    internal void Load(UserFeed feed, IReadOnlyList<UserMembership> memberships)
    {
        lock (_lock)
        {
            foreach (var membership in memberships)
            {
                Set(feed, membership);
                feed.LoadedUpTo = Math.Max(feed.LoadedUpTo, membership.Position);
            }
            feed.IsLoaded = true;
            foreach (var (roomId, row) in feed.Early)
            {
                if (!feed.Memberships.TryGetValue(roomId, out var known) || known.Position < row.Position || !row.IsSet)
                    Follow(feed, roomId, row);
            }
            feed.Early.Clear();
            feed.TouchAccountData(Math.Max(_position, feed.LoadedUpTo));
            // What happened before is in the tables.
            feed.TouchDeviceLists(Math.Max(feed.LastAccountData, _lastDeviceList));
        }
        feed.Loading.TrySetResult();
    }

    internal void FailToLoad(UserFeed feed, Exception reason)
    {
        lock (_lock)
            Drop(feed);
        feed.Loading.TrySetException(reason);
    }

    /// <summary>What a user's sync has to look at, as of one position. <paramref name="since"/> null:
    /// everything.</summary>
    internal LiveSnapshot Snapshot(UserFeed feed, long? since, long atLeast)
    {
        lock (_lock)
        {
            MoveTo(atLeast);
            var snapshot = new LiveSnapshot { Position = _position };
            if (since is { } from && feed.LastRelevant <= from)
                return snapshot;
            snapshot.HasAccountData = since is null || feed.LastAccountData > since;
            snapshot.IsInRing = since is not null && since >= _ringStart;
            foreach (var membership in feed.Memberships.Values)
            {
                if (membership.Membership == Membership.Join)
                    AddJoined(snapshot, membership, since);
                // Who left and forgot since the token is still told of the leaving: another device may not know.
                else if (since is null ? !membership.IsForgotten : membership.Position > since)
                    snapshot.Others.Add(membership);
            }
            return snapshot;
        }
    }

    private void AddJoined(LiveSnapshot snapshot, UserMembership membership, long? since)
    {
        if (since is null || membership.Since > since || !snapshot.IsInRing)
        {
            snapshot.Joined.Add(new(membership, null));
            return;
        }
        var room = _rooms[membership.RoomId];
        var entries = room.Entries;
        if (entries.Length > 0 && entries[^1].Position > since)
            snapshot.Joined.Add(new(membership, room.After(since.Value)));
        else
            snapshot.Joined.Add(new(membership, []));
    }

    /// <summary>A task that ends when something concerns the user after <paramref name="position"/>; give it back with
    /// <see cref="StopWaiting"/>.</summary>
    internal TaskCompletionSource Wait(UserFeed feed, long position)
    {
        lock (_lock)
        {
            var waiter = feed.AddWaiter();
            // A dropped feed hears nothing any more: its waiters come back at once for a fresh one.
            if (feed.LastRelevant > position || !_users.TryGetValue(feed.UserId, out var current) || current != feed)
            {
                feed.RemoveWaiter(waiter);
                waiter.TrySetResult();
            }
            return waiter;
        }
    }

    internal void StopWaiting(UserFeed feed, TaskCompletionSource waiter)
    {
        lock (_lock)
            feed.RemoveWaiter(waiter);
    }

    /// <summary>Keeps what was read around an event, unless it changed meanwhile.</summary>
    internal void Keep(LiveEntry entry, StoredEvent before, StoredEvent after)
    {
        lock (_lock)
        {
            if (ReferenceEquals(entry.Event, before))
                entry.Event = after;
        }
    }
}

/// <summary>What the live view says about one sync. Joined entries null: the room's timeline is in the tables
/// only.</summary>
internal sealed class LiveSnapshot
{
    public long Position { get; init; }
    public bool HasAccountData { get; set; }
    public bool IsInRing { get; set; }
    public List<(UserMembership Membership, LiveEntry[]? Entries)> Joined { get; } = [];
    public List<UserMembership> Others { get; } = [];
}
