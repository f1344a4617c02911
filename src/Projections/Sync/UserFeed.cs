using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Projections.Sync.Sliding;

namespace Matrix.EventSourced.Projections.Sync;

/// <summary>What a syncing user follows: their memberships, and the last position at which something concerned
/// them.</summary>
/// <remarks>LOCK: only under the live view's lock, but for <see cref="Loading"/>.</remarks>
internal sealed class UserFeed(string userId)
{
    private readonly List<TaskCompletionSource> _waiters = [];
    private SlidingUserData _slidingData = SlidingUserData.None;
    private volatile System.Runtime.CompilerServices.StrongBox<(IReadOnlySet<string>, bool, long)> _unwanted =
        new((UnwantedSenders.Nobody, false, -1));

    public string UserId => userId;

    /// <summary>Done once the memberships are read from the tables.</summary>
    public TaskCompletionSource Loading { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public bool IsLoaded { get; set; }

    /// <summary>Changes that were committed while the memberships were being read.</summary>
    public List<(string RoomId, MembershipRow Row)> Early { get; } = [];

    public Dictionary<string, UserMembership> Memberships { get; } = [];

    /// <summary>Nothing after this position concerns the user; from the load on, when it is known.</summary>
    public long LastRelevant { get; private set; }

    /// <summary>The same for account data alone.</summary>
    public long LastAccountData { get; private set; }

    /// <summary>The same for device lists of those who share a room with the user, and for who they are.</summary>
    public long LastDeviceLists { get; private set; }

    /// <summary>The newest position that the loaded rows mention; the live view may not have reached it yet.</summary>
    public long LoadedUpTo { get; set; }

    public long LastUsed { get; set; }

    /// <summary>Whom the user ignores, whether they want no invites, and the position as of which that was read.
    /// Replaced whole, without a lock.</summary>
    public (IReadOnlySet<string> Ignored, bool BlocksInvites, long AsOf) Unwanted
    {
        get => _unwanted.Value;
        set => _unwanted = new(value);
    }

    /// <summary>What the user's account data says of their rooms, for sliding sync. Replaced whole, without a
    /// lock.</summary>
    public SlidingUserData SlidingData
    {
        get => Volatile.Read(ref _slidingData);
        set => Volatile.Write(ref _slidingData, value);
    }

    public bool HasWaiters => _waiters.Count > 0;

    public void Touch(long position)
    {
        if (position > LastRelevant)
            LastRelevant = position;
        foreach (var waiter in _waiters)
            waiter.TrySetResult();
        _waiters.Clear();
    }

    public void TouchAccountData(long position)
    {
        if (position > LastAccountData)
            LastAccountData = position;
        Touch(position);
    }

    public void TouchDeviceLists(long position)
    {
        if (position > LastDeviceLists)
            LastDeviceLists = position;
        Touch(position);
    }

    /// <summary>Who shares a room with the user may have changed; the wake-up comes with the event that did
    /// it.</summary>
    public void MarkDeviceLists(long position)
    {
        if (position > LastDeviceLists)
            LastDeviceLists = position;
    }

    public TaskCompletionSource AddWaiter()
    {
        var waiter = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _waiters.Add(waiter);
        return waiter;
    }

    public void RemoveWaiter(TaskCompletionSource waiter) => _waiters.Remove(waiter);
}
