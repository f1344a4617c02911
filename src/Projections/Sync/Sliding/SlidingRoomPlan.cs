using Matrix.EventSourced.Projections.Roomserver;

namespace Matrix.EventSourced.Projections.Sync.Sliding;

/// <summary>One room of a sliding sync while it is put together.</summary>
/// <remarks>
/// Shape: IsInitial: the client has nothing of the room, or nothing that goes on. After and UpTo bound what is news;
/// what the answer shows of the timeline may begin earlier, where it is initial or expanded.
/// </remarks>
internal sealed class SlidingRoomPlan(
    SlidingCandidate candidate, SlidingRoomMatch match, SentRoom? sent, long position)
{
    public string RoomId => candidate.RoomId;
    public SlidingCandidate Candidate => candidate;
    public SlidingRoomMatch Match => match;
    public RoomConfig Config => match.Config;
    public SentRoom? Sent => sent;
    public bool IsJoined => candidate.Membership.Membership == Membership.Join;

    /// <summary>As of when the user may see it.</summary>
    public long UpTo { get; } = candidate.Membership.Membership == Membership.Join
        ? position
        : candidate.Membership.Position;

    public bool IsInitial { get; } = sent is null
        || (candidate.Membership.Membership == Membership.Join
            ? sent.Membership != Membership.Join || candidate.Membership.Since > sent.UpTo
            : candidate.HasTimeline && sent.Membership is Membership.Invite or Membership.Knock);

    public long After => IsInitial ? 0 : sent!.UpTo;

    public bool IsExpanded => !IsInitial && candidate.HasTimeline && Config.TimelineLimit > sent!.Config.TimelineLimit;

    public bool HasNewRules => !IsInitial && candidate.HasTimeline && !Config.HasSameRules(sent!.Config.Required);

    public bool HasNews => IsInitial || candidate.News > sent!.UpTo;

    /// <summary>Newest first, as the tables said.</summary>
    public List<StoredEvent> Newest { get; } = [];
    public List<StoredEvent> Timeline { get; } = [];
    public bool IsLimited { get; private set; }
    public RoomHistory? History { get; set; }

    /// <summary>What holds at UpTo and began after After.</summary>
    public List<StoredEvent> Changed { get; } = [];

    /// <summary>All of the state, or the entries that were asked for.</summary>
    public List<StoredEvent> Whole { get; } = [];
    public List<(string Type, string StateKey)> Removed { get; } = [];
    public RoomSummary? Summary { get; set; }
    public List<StoredEvent> Heroes { get; } = [];

    /// <summary>Member events that the timeline needs, as of UpTo.</summary>
    public List<StoredEvent> Members { get; } = [];

    /// <summary>The room's name and picture as of UpTo, whatever state the client asked for.</summary>
    public StoredEvent? Name { get; set; }
    public StoredEvent? Avatar { get; set; }

    public TimelineRange Range => new(RoomId, IsInitial || IsExpanded ? 0 : After, UpTo);

    public bool HasMemberChanges => Changed.Exists(static stored => stored.Type == "m.room.member")
        || Removed.Exists(static removed => removed.Type == "m.room.member");

    /// <summary>Whether the entry of this type, with the empty key, has another value than before, or none.</summary>
    public bool IsChanged(string type) =>
        Changed.Exists(stored => stored.Type == type && stored.StateKey!.Length == 0)
        || Removed.Exists(removed => removed.Type == type && removed.StateKey.Length == 0);

    /// <summary>The last event before which something was missing when it came, 0 for none.</summary>
    public long LastGap { get; set; }

    /// <summary>Where to go on backwards.</summary>
    public TimelinePlace PrevBatch => Timeline.Count == 0
        ? TimelinePlace.After(UpTo)
        : Timeline[0].Position == LastGap
            ? TimelinePlace.Before(Timeline[0])
            : TimelinePlace.After(Timeline[0].Position - 1);

    public void TakeTimeline(IReadOnlySet<string> ignored)
    {
        IsLimited = Newest.Count > Config.TimelineLimit;
        if (IsLimited)
            Newest.RemoveAt(Newest.Count - 1);
        if (LastGap > 0)
        {
            IsLimited = true;
            Newest.RemoveAll(stored => stored.Position < LastGap);
        }
        for (var index = Newest.Count - 1; index >= 0; index--)
        {
            var stored = Newest[index];
            if (stored.StateKey is null && ignored.Contains(stored.Sender))
                continue;
            if (History is null || History.CanSee(stored))
                Timeline.Add(stored);
            else
                IsLimited = true;
        }
    }

    /// <summary>Whose member events the timeline needs and the client was not sent.</summary>
    public IEnumerable<string> MissingMembers()
    {
        var wanted = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var stored in Timeline)
        {
            wanted.Add(stored.Sender);
            if (stored is { Type: "m.room.member", StateKey: { } target })
                wanted.Add(target);
        }
        if (!IsInitial && !IsLimited)
            wanted.ExceptWith(Sent!.Members);
        return wanted;
    }
}
