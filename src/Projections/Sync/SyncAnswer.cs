using Matrix.EventSourced.Facts.KeyServer;
using Matrix.EventSourced.Projections.EduServer;
using Matrix.EventSourced.Projections.KeyServer;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Projections.ToDevice;
using Matrix.EventSourced.Projections.UserApi;

namespace Matrix.EventSourced.Projections.Sync;

/// <summary>What /sync says, before it is JSON. Rooms in the order of their ids.</summary>
public sealed class SyncAnswer
{
    public required long NextBatch { get; init; }
    public List<SyncRoom> Joined { get; } = [];

    /// <summary>All rooms that the user has joined and the filter lets through, also those without news.</summary>
    public HashSet<string> JoinedRoomIds { get; } = [];
    public List<SyncRoom> Left { get; } = [];
    public List<SyncInvite> Invited { get; } = [];
    public List<SyncInvite> Knocked { get; } = [];
    public List<AccountDataEntry> AccountData { get; } = [];
    public List<UserPresence> Presence { get; } = [];

    /// <summary>Messages for the device, in the order in which they came.</summary>
    public List<PendingMessage> ToDevice { get; } = [];

    /// <summary>Up to where the messages go, where there are more than the answer holds; else null: up to
    /// NextBatch.</summary>
    public long? ToDeviceUpTo { get; set; }

    /// <summary>Whose keys to ask for again; null in an initial sync.</summary>
    public DeviceListChanges? DeviceLists { get; set; }

    /// <summary>What the device has left to give out.</summary>
    public KeySupply KeySupply { get; set; } = LiveKeySupplies.None;

    public bool IsEmpty =>
        Joined.Count == 0 && Left.Count == 0 && Invited.Count == 0 && Knocked.Count == 0 && AccountData.Count == 0
        && Presence.Count == 0 && ToDevice.Count == 0 && DeviceLists is null or { IsEmpty: true };

    /// <summary>The room's place in the answer; one is made for a joined room that has nothing else to say.</summary>
    internal SyncRoom? RoomFor(string roomId)
    {
        foreach (var left in Left)
        {
            if (left.RoomId == roomId)
                return left;
        }
        var index = 0;
        for (; index < Joined.Count; index++)
        {
            var order = string.CompareOrdinal(Joined[index].RoomId, roomId);
            if (order == 0)
                return Joined[index];
            if (order > 0)
                break;
        }
        if (!JoinedRoomIds.Contains(roomId))
            return null;
        var room = new SyncRoom { RoomId = roomId, PrevBatch = TimelinePlace.After(NextBatch) };
        Joined.Insert(index, room);
        return room;
    }
}

/// <summary>A joined or left room of a sync.</summary>
public sealed class SyncRoom
{
    public required string RoomId { get; init; }

    /// <summary>In the order in which this server got them.</summary>
    public List<StoredEvent> Timeline { get; } = [];
    public bool IsLimited { get; set; }

    /// <summary>The place before the timeline's first event.</summary>
    public TimelinePlace PrevBatch { get; set; }

    /// <summary>Changes of state up to the start of the timeline, or up to its end with
    /// <c>use_state_after</c>.</summary>
    public List<StoredEvent> State { get; } = [];
    public RoomSummary? Summary { get; set; }
    public List<AccountDataEntry> AccountData { get; } = [];

    /// <summary>Who types now; null where that did not change.</summary>
    public string[]? Typing { get; set; }

    /// <summary>Receipts that changed, in the order in which they did.</summary>
    public List<RoomReceipt> Receipts { get; } = [];

    /// <summary>Unread notifications by thread, those that have any; of a joined room.</summary>
    public IReadOnlyList<UnreadCount> Unread { get; set; } = [];

    /// <summary>The caller's memberships, for <c>unsigned.membership</c>; null where the caller was joined
    /// throughout.</summary>
    public RoomHistory? History { get; set; }
}

/// <summary>What of a thread nobody has read. Shape: ThreadId is <c>main</c> for what is in no thread.</summary>
public sealed record UnreadCount(string ThreadId, long Notifications, long Highlights);

/// <summary>An invite or knock: the stripped state that came with it, a JSON array, and the member event
/// itself.</summary>
public sealed record SyncInvite(string RoomId, ReadOnlyMemory<byte> StrippedState, StoredEvent Member);
