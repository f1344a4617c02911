using System.Collections.Immutable;
using Matrix.EventSourced.Projections.EduServer;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Projections.UserApi;

namespace Matrix.EventSourced.Projections.Sync.Sliding;

/// <summary>What sliding sync says, before it is JSON. Rooms in the order of their ids.</summary>
public sealed class SlidingAnswer
{
    public required long Position { get; init; }

    /// <summary>How many rooms each list has, its ranges left aside.</summary>
    public List<(string Name, int Count)> Lists { get; } = [];
    public List<SlidingRoom> Rooms { get; } = [];

    /// <summary>Typing and receipts, by room; null where the extension is off.</summary>
    public List<SyncRoom>? Typing { get; set; }
    public List<SyncRoom>? Receipts { get; set; }
    public List<AccountDataEntry>? AccountData { get; set; }

    /// <summary>Messages to the device and what it must know of keys, as in /sync.</summary>
    public required SyncAnswer Device { get; init; }

    /// <summary>What the connection has been told once the client comes back with this answer's pos.</summary>
    public required ImmutableDictionary<string, SentRoom> Sent { get; set; }

    public bool IsEmpty =>
        Rooms.Count == 0
        && Typing is not { Count: > 0 }
        && Receipts is not { Count: > 0 }
        && AccountData is not { Count: > 0 }
        && Device.IsEmpty;
}

/// <summary>A room of sliding sync. Null: it has not changed.</summary>
public sealed class SlidingRoom
{
    public required string RoomId { get; init; }
    public required Membership Membership { get; init; }
    public required IReadOnlyList<string> Lists { get; init; }
    public bool IsInitial { get; init; }
    public bool IsTimelineExpanded { get; set; }
    public long? BumpStamp { get; set; }
    public bool? IsDirect { get; set; }

    /// <summary>The room's name; empty where it lost it.</summary>
    public string? Name { get; set; }
    public string? AvatarUrl { get; set; }
    public RoomSummary? Summary { get; set; }

    /// <summary>The member events of the heroes; null where the room has a name, or they are not said.</summary>
    public List<StoredEvent>? Heroes { get; set; }
    public List<StoredEvent> RequiredState { get; } = [];

    /// <summary>State that is no more.</summary>
    public List<(string Type, string StateKey)> RemovedState { get; } = [];

    /// <summary>Null for rooms that the user never was in.</summary>
    public List<StoredEvent>? Timeline { get; set; }
    public bool IsLimited { get; set; }
    public TimelinePlace PrevBatch { get; set; }
    public int LiveCount { get; set; }
    public RoomHistory? History { get; set; }

    /// <summary>An invite, a knock, or the end of one: all that is known of the room.</summary>
    public SyncInvite? Stripped { get; set; }
    public IReadOnlyList<UnreadCount>? Unread { get; set; }
}

/// <summary>What a connection was told of a room.</summary>
/// <remarks>Shape: everything up to UpTo; Config as it was then. Members: whose member events were sent because the
/// timeline needed them. EphemeralUpTo, AccountDataUpTo: the position of the last answer whose extension covered the
/// room.</remarks>
public sealed record SentRoom(long UpTo, Membership Membership, RoomConfig Config)
{
    public ImmutableHashSet<string> Members { get; init; } = [];
    public bool IsDirect { get; init; }
    public long TypingUpTo { get; init; }
    public long ReceiptsUpTo { get; init; }
    public long AccountDataUpTo { get; init; }
}
