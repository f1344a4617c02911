using Matrix.EventSourced.Projections.Roomserver;

namespace Matrix.EventSourced.Projections.Sync;

/// <summary>One room of a sync while it is put together.</summary>
/// <remarks>
/// Shape: IsNew: the client does not know the room (initial sync, or joined since the token). After and UpTo bound its
/// timeline.
/// Entries: its PDUs since the token when memory has them all; null when the tables are asked.
/// </remarks>
internal sealed class SyncRoomPlan(UserMembership membership, bool isLeft, bool isNew, long after, long upTo)
{
    private bool _droppedState;
    private ILookup<(string Type, string? StateKey), (long Position, string EventId)>? _tupleToPlaces;

    public string RoomId => membership.RoomId;
    public bool IsLeft => isLeft;
    public bool IsNew => isNew;
    public long After => after;
    public long UpTo => upTo;
    public TimelineRange Range => new(RoomId, after, upTo);
    public LiveEntry[]? Entries { get; init; }
    public bool IsFullState { get; init; }

    /// <summary>What the tables said, newest first.</summary>
    public List<StoredEvent> Newest { get; } = [];

    /// <summary>What memory said, with the entries that it came from.</summary>
    public List<(LiveEntry Entry, StoredEvent Event)> Shown { get; } = [];
    public List<StoredEvent> Timeline { get; } = [];
    public bool IsLimited { get; private set; }
    public bool HasMemberChanges { get; set; }
    public RoomHistory? History { get; set; }
    public RoomSummary? Summary { get; set; }

    /// <summary>By position of the PDU, then id: the order of the answer.</summary>
    public SortedDictionary<(long Position, string EventId), StoredEvent> State { get; } = new(ByPosition);

    private static readonly Comparer<(
        long Position, string EventId)> ByPosition = Comparer<(long Position, string EventId)>.Create(
        static (left, right) => left.Position != right.Position
            ? left.Position.CompareTo(right.Position)
            : string.CompareOrdinal(left.EventId, right.EventId));

    /// <summary>The last event before which something was missing when it came, 0 for none. The timeline begins there
    /// at the earliest, so that a client asks for what is before it.</summary>
    public long LastGap { get; set; }

    /// <summary>The position just before the timeline's first event; the end where the timeline is empty.</summary>
    public long StartsAfter => Timeline.Count > 0 ? Timeline[0].Position - 1 : upTo;

    /// <summary>The last position whose state the user may see: who was banned after having left sees it as it was when
    /// they left.</summary>
    public long StateUpTo => isLeft ? Math.Min(upTo, History!.LeftAt) : upTo;

    /// <summary>Where to go on backwards: what was missing before the first event may be here by then.</summary>
    public TimelinePlace PrevBatch => Timeline.Count > 0 && Timeline[0].Position == LastGap
        ? TimelinePlace.Before(Timeline[0])
        : TimelinePlace.After(StartsAfter);

    // Of a room that was joined elsewhere all of the state comes with the join, which is on the timeline.
    public bool NeedsForeignState => Entries is null || HasForeignEntry;

    private bool HasForeignEntry => Array.Exists(Entries!, entry => entry.HasForeignState);

    public void TakeEntries(EventFilter filter, int limit, IReadOnlySet<string> ignored)
    {
        var isShown = filter.PassesRoom(RoomId);
        foreach (var entry in Entries!)
        {
            var stored = entry.Event;
            if (stored.Position > upTo)
                break;
            HasMemberChanges |= entry.ChangesMembers;
            if (entry.IsAfterGap)
                LastGap = stored.Position;
            if (IsIgnored(stored, ignored))
                continue;
            if (isShown && filter.Passes(stored))
                Shown.Add((entry, stored));
            else
                _droppedState |= stored.StateKey is not null;
        }
        if (Shown.Count > limit)
        {
            IsLimited = true;
            Shown.RemoveRange(0, Shown.Count - limit);
        }
        if (LastGap > 0)
        {
            IsLimited = true;
            Shown.RemoveAll(shown => shown.Event.Position < LastGap);
        }
        foreach (var (_, stored) in Shown)
            Timeline.Add(stored);
    }

    public void TakeNewest(int limit, long? since, IReadOnlySet<string> ignored)
    {
        IsLimited = Newest.Count > limit;
        if (IsLimited)
            Newest.RemoveAt(Newest.Count - 1);
        if (LastGap > 0)
        {
            IsLimited = true;
            Newest.RemoveAll(stored => stored.Position < LastGap);
        }
        for (var index = Newest.Count - 1; index >= 0; index--)
        {
            if (IsIgnored(Newest[index], ignored))
                continue;
            if (History is null || History.CanSee(Newest[index]))
            {
                Timeline.Add(Newest[index]);
                continue;
            }
            IsLimited = true;
            // What changed while the user was away is in the state before the timeline, so that the timeline must not
            // begin earlier. Of what comes after they left no state is shown.
            if (Newest[index].Position < History.LeftAt)
                Timeline.Clear();
        }
        // Who comes back after having left has a gap in what the client knows, even where the room's whole history
        // fits.
        if (IsNew && !IsLeft && since is not null && History!.WasJoinedBetween(0, membership.Since - 1))
            IsLimited = true;
    }

    /// <summary>State is shown whoever sent it, so that a room looks the same to everybody.</summary>
    private static bool IsIgnored(StoredEvent stored, IReadOnlySet<string> ignored) =>
        stored.StateKey is null && ignored.Count > 0 && ignored.Contains(stored.Sender);

    /// <summary>Whether the client hears of the room for the first time in this answer, though it is a left
    /// one.</summary>
    public bool IsNewlyShown(long? since) =>
        IsLeft && (since is null || History!.MembershipAt(since.Value) != Membership.Join);

    /// <summary>A room that the user never was in shows no state: a rejected invite, a ban from outside.</summary>
    public bool MaySeeState(long? since) => !IsLeft || History!.WasJoinedBetween(since ?? 0, upTo);

    /// <summary>Whether the filter may have kept state out of the timeline.</summary>
    public bool MayLackState(EventFilter timeline) =>
        Timeline.Count > 0 && (_droppedState || (Entries is null && timeline.IsSelective));

    public bool NeedsDelta(bool isStateAfter)
    {
        if (Entries is null || IsLimited || _droppedState)
            return true;
        return isStateAfter && Array.Exists(
            Entries, entry => entry.Event.StateKey is not null || entry.HasForeignState);
    }

    public void AddState(StoredEvent stored, EventFilter filter)
    {
        if (filter.Passes(stored))
            State[(stored.Position, stored.EventId)] = stored;
    }

    /// <summary>State as of the timeline's end, unless the timeline shows it: it takes the place of what held
    /// before.</summary>
    /// <remarks>Requires: all other state was added.</remarks>
    public void AddLateState(StoredEvent stored, EventFilter filter)
    {
        if (!filter.Passes(stored) || Timeline.Exists(shown => shown.EventId == stored.EventId))
            return;
        // State that moved without its PDU may stand beside what held before.
        _tupleToPlaces ??= State.ToLookup(entry => (entry.Value.Type, entry.Value.StateKey), entry => entry.Key);
        foreach (var earlier in _tupleToPlaces[(stored.Type, stored.StateKey)])
            State.Remove(earlier);
        State[(stored.Position, stored.EventId)] = stored;
    }

    public bool HasMember(string userId)
    {
        foreach (var stored in State.Values)
        {
            if (stored.Type == "m.room.member" && stored.StateKey == userId)
                return true;
        }
        return Timeline.Exists(stored => stored.Type == "m.room.member" && stored.StateKey == userId);
    }
}
