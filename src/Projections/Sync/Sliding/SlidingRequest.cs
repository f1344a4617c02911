using System.Collections.Immutable;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Projections.Sync.Sliding;

/// <summary>One call of sliding sync, checked. Units: TimeoutMs, milliseconds.</summary>
/// <remarks>See MSC4186. Shape: Pos null begins a connection; ToDeviceAfter as in <see cref="SyncRequest"/>.</remarks>
public sealed record SlidingRequest(UserId User, string DeviceId)
{
    public string ConnectionId { get; init; } = string.Empty;
    public SlidingPos? Pos { get; init; }
    public int TimeoutMs { get; init; }
    public IReadOnlyList<SlidingList> Lists { get; init; } = [];
    public IReadOnlyDictionary<string, RoomConfig> Subscriptions { get; init; } =
        ImmutableDictionary<string, RoomConfig>.Empty;
    public SlidingExtensions Extensions { get; init; } = new();
}

/// <summary>Where a client is on a connection: the connection's own name, and the number of an answer.</summary>
public readonly record struct SlidingPos(long Position, string Connection, long Number);

/// <summary>A window into the user's rooms. Shape: Ranges null is all of them; both ends of a range are in
/// it.</summary>
public sealed record SlidingList(string Name, RoomConfig Config)
{
    public IReadOnlyList<(int First, int Last)>? Ranges { get; init; }
    public SlidingFilter Filter { get; init; } = new();

    public bool Covers(int index)
    {
        if (Ranges is null)
            return true;
        foreach (var (first, last) in Ranges)
        {
            if (index >= first && index <= last)
                return true;
        }
        return false;
    }
}

/// <summary>Which rooms a list counts. Null lets everything through. Shape: a null in RoomTypes stands for rooms
/// without a type.</summary>
public sealed record SlidingFilter
{
    public bool? IsDirect { get; init; }
    public bool? IsEncrypted { get; init; }
    public bool? IsInvited { get; init; }
    public string[]? Spaces { get; init; }
    public string?[]? RoomTypes { get; init; }
    public string?[]? NotRoomTypes { get; init; }
    public string[]? Tags { get; init; }
    public string[]? NotTags { get; init; }

    public bool NeedsTags => Tags is not null || NotTags is not null;

    /// <summary>Whether what is known of an invite must be read from its stripped state.</summary>
    public bool NeedsShape => IsEncrypted is not null || RoomTypes is not null || NotRoomTypes is not null;
}

/// <summary>What is wanted of a room: so many events of its timeline, and state that any of the rules lets
/// through.</summary>
public sealed record RoomConfig(int TimelineLimit, ImmutableArray<RequiredState> Required)
{
    public bool IsLazy => Required.Any(rule => rule.IsLazy) && !Required.Any(rule => rule.HasAllMembers);

    /// <summary>Both together: the longer timeline, and what either asks for.</summary>
    public RoomConfig With(RoomConfig other) => new(
        Math.Max(TimelineLimit, other.TimelineLimit),
        [.. Required, .. other.Required.Where(rule => !Required.Contains(rule))]);

    public bool Wants(string type, string stateKey)
    {
        foreach (var rule in Required)
        {
            if (rule.Wants(type, stateKey))
                return true;
        }
        return false;
    }

    public bool HasSameRules(ImmutableArray<RequiredState> rules) =>
        rules.Length == Required.Length && rules.All(rule => Required.Contains(rule));
}

/// <summary>A type and a state key; null stands for all of them.</summary>
public readonly record struct StatePattern(string? Type, string? StateKey)
{
    public bool Matches(string type, string stateKey) =>
        (Type is null || Type == type) && (StateKey is null || StateKey == stateKey);
}

/// <summary>State that a client wants of each room.</summary>
/// <remarks>See MSC4186, RequiredStateRequest. With lazy members, patterns that would take in all members take in
/// none of them.</remarks>
public sealed class RequiredState(
    ImmutableArray<StatePattern> include, ImmutableArray<StatePattern> exclude, bool isLazy) : IEquatable<RequiredState>
{
    private const string Member = "m.room.member";

    public bool IsLazy => isLazy;

    /// <summary>Whether all members are wanted, not only those that the timeline needs.</summary>
    public bool HasAllMembers =>
        !isLazy && include.Any(static pattern => pattern.Type is null or Member && pattern.StateKey is null);

    public ImmutableArray<StatePattern> Include => include;

    public bool Wants(string type, string stateKey)
    {
        foreach (var pattern in include)
        {
            if (!pattern.Matches(type, stateKey) || (isLazy && type == Member && pattern.StateKey is null))
                continue;
            foreach (var without in exclude)
            {
                if (without.Matches(type, stateKey))
                    return false;
            }
            return true;
        }
        return false;
    }

    public bool Equals(RequiredState? other) =>
        other is not null
        && other.IsLazy == isLazy
        && other.Include.SequenceEqual(include)
        && other.Exclude.SequenceEqual(exclude);

    public override bool Equals(object? obj) => Equals(obj as RequiredState);

    public override int GetHashCode() => HashCode.Combine(isLazy, include.Length, exclude.Length);

    private ImmutableArray<StatePattern> Exclude => exclude;
}

/// <summary>What is wanted beside rooms. Null: the extension is off.</summary>
public sealed record SlidingExtensions
{
    public SlidingScope? Typing { get; init; }
    public SlidingScope? Receipts { get; init; }
    public SlidingScope? AccountData { get; init; }
    public bool IsEncryptionOn { get; init; }

    /// <summary>The device has its messages up to here; null where they are not asked for.</summary>
    public long? ToDeviceAfter { get; init; }
}

/// <summary>The rooms that an extension is about. See MSC4508. Null: all lists; all subscriptions.</summary>
public sealed record SlidingScope(string[]? Lists, string[]? Rooms)
{
    public bool Covers(SlidingRoomMatch match, string roomId)
    {
        foreach (var list in match.Lists)
        {
            if (Lists is null || Array.IndexOf(Lists, list) >= 0)
                return true;
        }
        return match.IsSubscribed && (Rooms is null || Array.IndexOf(Rooms, roomId) >= 0);
    }
}

/// <summary>Why a room is in the answer, and what is wanted of it.</summary>
public sealed class SlidingRoomMatch(RoomConfig config)
{
    public RoomConfig Config { get; set; } = config;
    public List<string> Lists { get; } = [];
    public bool IsSubscribed { get; set; }
}
