using Matrix.EventSourced.Protocol;

namespace Matrix.EventSourced.Projections.Roomserver;

/// <summary>The four values of m.room.history_visibility.</summary>
public enum HistoryVisibility
{
    Shared,
    WorldReadable,
    Invited,
    Joined,
}

/// <summary>What decides which PDUs of a room one user may see: the room's visibilities and the user's memberships, by
/// position.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #room-history-visibility (the five rules and both special cases).
/// Shape: both lists ascend by position; a value holds from its position (the PDU that set it) to the next. Before the
/// first: shared; leave.
/// Cost: a binary search each; no I/O. The state at a PDU is the room's state when the PDU reached this server.
/// </remarks>
public sealed class RoomHistory
{
    private readonly List<(long From, HistoryVisibility Value)> _visibilities = [];
    private readonly List<(long From, Membership Value)> _memberships = [];

    /// <summary>The user that it was read for; null for a reader without membership.</summary>
    public string? UserId { get; init; }

    /// <summary>Whether the user forgot the room after leaving it.</summary>
    public bool IsForgotten { get; internal set; }

    /// <summary>Whether other servers may know PDUs of the room that are not here, or were not when they were
    /// cited.</summary>
    public bool HasGaps { get; internal set; }

    /// <summary>The room exists on this server.</summary>
    public bool IsKnown { get; internal set; }

    internal void AddVisibility(long from, HistoryVisibility value) => _visibilities.Add((from, value));

    internal void AddMembership(long from, Membership value) => _memberships.Add((from, value));

    public Membership Membership => _memberships.Count == 0 ? Membership.Leave : _memberships[^1].Value;

    public bool IsJoined => Membership == Membership.Join;

    public bool IsWorldReadable =>
        _visibilities.Count > 0 && _visibilities[^1].Value == HistoryVisibility.WorldReadable;

    /// <summary>Whether the user was ever joined.</summary>
    public bool WasJoined
    {
        get
        {
            foreach (var (_, value) in _memberships)
            {
                if (value == Membership.Join)
                    return true;
            }
            return false;
        }
    }

    /// <summary>Where the user's last time in the room ended: the position of the leave or ban after the last join;
    /// the end of time for a member.</summary>
    public long LeftAt
    {
        get
        {
            var left = 0L;
            var isJoined = false;
            foreach (var (from, value) in _memberships)
            {
                if (isJoined && value != Membership.Join)
                    left = from;
                isJoined = value == Membership.Join;
            }
            return isJoined ? long.MaxValue : left;
        }
    }

    /// <summary>The membership at a position: what held after the PDU there.</summary>
    public Membership MembershipAt(long position) => ValueAt(_memberships, position, Membership.Leave);

    public bool WasJoinedBetween(long after, long upTo)
    {
        if (MembershipAt(after) == Membership.Join)
            return true;
        foreach (var (from, value) in _memberships)
        {
            if (from > after && from <= upTo && value == Membership.Join)
                return true;
        }
        return false;
    }

    public bool CanSee(StoredEvent stored)
    {
        if (stored.Visibility is { } visibilityThen)
            return visibilityThen == HistoryVisibility.WorldReadable
                || (visibilityThen == HistoryVisibility.Shared && WasJoined)
                || WasJoinedAcross(stored.Anchor);
        var before = stored.Position - 1;
        var membership = MembershipAt(before);
        var visibility = ValueAt(_visibilities, before, HistoryVisibility.Shared);
        if (Allows(visibility, membership, stored.Position))
            return true;
        if (stored is { Type: "m.room.history_visibility", StateKey: "" })
            return Allows(
                ValueAt(_visibilities, stored.Position, HistoryVisibility.Shared), membership, stored.Position);
        // A member's own membership is never a secret from them: a ban or a withdrawn invite reaches whom it concerns.
        return stored.Type == "m.room.member" && UserId is not null && stored.StateKey == UserId;
    }

    /// <summary>Whether a gap before a PDU was one of the server's only: who is joined on both sides of it was in the
    /// room all the while. Of history before our time it is not known who was.</summary>
    private bool WasJoinedAcross(long anchor) =>
        MembershipAt(anchor - 1) == Membership.Join && MembershipAt(anchor) == Membership.Join;

    private bool Allows(HistoryVisibility visibility, Membership membership, long position) =>
        visibility == HistoryVisibility.WorldReadable
        || membership == Membership.Join
        || (visibility == HistoryVisibility.Shared && JoinedAfter(position))
        || (visibility == HistoryVisibility.Invited && membership == Membership.Invite);

    private bool JoinedAfter(long position)
    {
        for (var index = _memberships.Count - 1; index >= 0 && _memberships[index].From >= position; index--)
        {
            if (_memberships[index].Value == Membership.Join)
                return true;
        }
        return false;
    }

    private static T ValueAt<T>(List<(long From, T Value)> values, long position, T none)
    {
        var (low, high) = (0, values.Count);
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (values[middle].From <= position)
                low = middle + 1;
            else
                high = middle;
        }
        return low == 0 ? none : values[low - 1].Value;
    }

    internal static HistoryVisibility VisibilityOf(ReadOnlyMemory<byte> pduJson)
    {
        using var document = System.Text.Json.JsonDocument.Parse(pduJson, new() { MaxDepth = Limits.JsonDepthMax });
        var word = document.RootElement.TryGetProperty("content"u8, out var content)
            && content.TryGetProperty("history_visibility"u8, out var value)
            && value.ValueKind == System.Text.Json.JsonValueKind.String
                ? value.GetString()
                : null;
        return word switch
        {
            "world_readable" => HistoryVisibility.WorldReadable,
            "invited" => HistoryVisibility.Invited,
            "joined" => HistoryVisibility.Joined,
            _ => HistoryVisibility.Shared,
        };
    }
}
