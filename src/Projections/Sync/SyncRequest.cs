using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Projections.Sync;

/// <summary>One call of /sync, checked. Units: TimeoutMs, milliseconds; Since, a log position, null for an initial
/// sync.</summary>
public sealed record SyncRequest(UserId User, string DeviceId)
{
    public long? Since { get; init; }
    public bool IsFullState { get; init; }
    public int TimeoutMs { get; init; }
    public bool UseStateAfter { get; init; }
    public SyncFilter Filter { get; init; } = SyncFilter.None;

    /// <summary>The device has its messages up to here; 0 for none of them, null where they are not asked
    /// for.</summary>
    public long? ToDeviceAfter { get; init; }

    /// <summary>Whose messages, invites and EDUs the user does not want. Spec: client-server-api
    /// #ignoring-users.</summary>
    internal IReadOnlySet<string> Ignored { get; init; } = UnwantedSenders.Nobody;

    /// <summary>The user wants no invites. Spec: client-server-api #invite-permission.</summary>
    internal bool BlocksInvites { get; init; }
}

/// <summary>What a sync shows. Spec: v1.19 client-server-api #filtering.</summary>
public sealed record SyncFilter
{
    public static readonly SyncFilter None = new();

    public EventFilter Timeline { get; init; } = EventFilter.None;
    public EventFilter State { get; init; } = EventFilter.None;
    public EventFilter RoomAccountData { get; init; } = EventFilter.None;
    public EventFilter AccountData { get; init; } = EventFilter.None;
    public EventFilter Ephemeral { get; init; } = EventFilter.None;
    public EventFilter Presence { get; init; } = EventFilter.None;
    public string[]? Rooms { get; init; }
    public string[]? NotRooms { get; init; }
    public bool IncludeLeave { get; init; }

    /// <summary>Unread notifications are counted per thread.</summary>
    public bool CountsThreads { get; init; }

    /// <summary>Dot-separated paths of what is left of each event; null: all of it.</summary>
    public string[]? EventFields { get; init; }

    /// <summary>Events in federation form.</summary>
    public bool IsFederationFormat { get; init; }

    public bool PassesRoom(string roomId) =>
        (Rooms is null || Array.IndexOf(Rooms, roomId) >= 0) && (
            NotRooms is null || Array.IndexOf(NotRooms, roomId) < 0);

    /// <summary>Events per room and sync.</summary>
    public int TimelineLimit => Math.Clamp(Timeline.Limit ?? SyncLimits.TimelineDefault, 0, SyncLimits.TimelineMax);

    public bool IsLazy => State.LazyLoadMembers || Timeline.LazyLoadMembers;
}

/// <summary>Bounds of a sync answer.</summary>
public static class SyncLimits
{
    /// <summary>LIMIT: events per room where the filter says nothing. Ours: what clients show of a room at
    /// first.</summary>
    public const int TimelineDefault = 20;

    /// <summary>LIMIT: events per room, whatever the filter says. Ours: the answer stays in memory while it is
    /// written.</summary>
    public const int TimelineMax = 100;

    /// <summary>LIMIT: milliseconds of a long poll. Ours: proxies and load balancers cut longer ones.</summary>
    public const int TimeoutMsMax = 120_000;
}
