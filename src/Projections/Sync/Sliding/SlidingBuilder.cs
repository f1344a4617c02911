using System.Collections.Immutable;
using Matrix.EventSourced.Projections.Roomserver;

namespace Matrix.EventSourced.Projections.Sync.Sliding;

/// <summary>Builds the rooms of one sliding sync, as of one position.</summary>
/// <remarks>
/// <code>
///   matches ─► plan per room with news ─► round 1: timelines, changed and whole state, stripped state, histories
///                                      ─► round 2: members that timelines need, summaries, names
///                                      ─► round 3: the heroes' member events
/// </code>
/// Every round is one round trip for all rooms, and is left out when it has nothing to ask. See MSC4186, room
/// results.
/// </remarks>
internal sealed class SlidingBuilder(
    SlidingRequest request,
    SlidingLists lists,
    SlidingTurn turn,
    SlidingUserData user,
    RoomReader reader,
    IReadOnlySet<string> ignored,
    bool blocksInvites)
{
    private readonly string _user = request.User.Value;
    private readonly List<SlidingRoomPlan> _plans = [];
    private readonly List<SlidingRoomPlan> _stripped = [];

    public async ValueTask AddRoomsAsync(SlidingAnswer answer, CancellationToken cancellationToken)
    {
        Plan(answer.Position);
        var stripped = await ReadFirstAsync(cancellationToken);
        await ReadSecondAsync(answer.Position, cancellationToken);
        await ReadHeroesAsync(cancellationToken);
        var sent = answer.Sent.ToBuilder();
        foreach (var plan in _plans)
            Fill(plan, answer, sent);
        foreach (var plan in _stripped)
            FillStripped(plan, stripped, answer, sent);
        answer.Rooms.Sort(static (left, right) => string.CompareOrdinal(left.RoomId, right.RoomId));
        answer.Sent = sent.ToImmutable();
    }

    private void Plan(long position)
    {
        foreach (var (roomId, match) in lists.Matches)
        {
            var candidate = lists.IdToCandidate[roomId];
            var plan = new SlidingRoomPlan(candidate, match, turn.Sent.GetValueOrDefault(roomId), position);
            var isDirectNews = plan.Sent is { } sent && sent.IsDirect != user.DirectRooms.Contains(roomId);
            if (!plan.HasNews && !plan.IsExpanded && !plan.HasNewRules && !isDirectNews)
                continue;
            (candidate.HasTimeline ? _plans : _stripped).Add(plan);
        }
    }

    private async ValueTask<Stripped> ReadFirstAsync(CancellationToken cancellationToken)
    {
        var batch = reader.Begin();
        var timelines = new List<List<StoredEvent>>();
        foreach (var group in _plans.Where(plan => plan.Config.TimelineLimit > 0)
            .GroupBy(plan => plan.Config.TimelineLimit))
        {
            timelines.Add(batch.Timeline(
                [.. group.Select(plan => plan.Range)], EventFilter.None, group.Key + 1));
        }
        var gaps = batch.Gaps([.. _plans.Where(plan => plan.Config.TimelineLimit > 0).Select(plan => plan.Range)]);
        var withHistory = _plans.FindAll(plan => plan.IsInitial || plan.IsExpanded || !plan.IsJoined);
        var histories = batch.Histories([.. withHistory.Select(plan => plan.RoomId)], _user);
        var changing = _plans.FindAll(plan => !plan.IsInitial);
        var changed = batch.State(
            [.. changing.Select(plan => new StateRange(plan.RoomId, plan.UpTo, plan.After, WithMembers: true))]);
        var removed = batch.RemovedState(
            [.. changing.Select(plan => new TimelineRange(plan.RoomId, plan.After, plan.UpTo))]);
        var whole = _plans.FindAll(plan => plan.IsInitial || plan.HasNewRules);
        var ranges = whole.FindAll(NeedsWholeState);
        var wholeState = batch.State([.. ranges.Select(plan => new StateRange(
            plan.RoomId, plan.UpTo, 0, plan.Config.Required.Any(static rule => rule.HasAllMembers)))]);
        var entries = batch.StateEntries([.. whole.SelectMany(ExactEntries)]);
        var ids = _stripped.ConvertAll(plan => plan.Candidate.Membership.EventId);
        var stripped = new Stripped(batch.Stripped(ids), batch.Events(ids));
        await batch.ExecuteAsync(cancellationToken);

        var roomIdToPlan = _plans.ToDictionary(plan => plan.RoomId);
        foreach (var stored in timelines.SelectMany(static timeline => timeline))
            roomIdToPlan[stored.RoomId].Newest.Add(stored);
        foreach (var plan in withHistory)
            plan.History = histories[plan.RoomId];
        foreach (var stored in changed)
            roomIdToPlan[stored.RoomId].Changed.Add(stored);
        foreach (var (roomId, type, stateKey) in removed)
            roomIdToPlan[roomId].Removed.Add((type, stateKey));
        foreach (var stored in wholeState.Concat(entries))
            roomIdToPlan[stored.RoomId].Whole.Add(stored);
        foreach (var (roomId, gap) in gaps)
            roomIdToPlan[roomId].LastGap = gap;
        foreach (var plan in _plans)
            plan.TakeTimeline(ignored);
        return stripped;
    }

    /// <summary>A pattern that leaves type or key open, but for all members: those need more than single
    /// entries.</summary>
    private static bool NeedsWholeState(SlidingRoomPlan plan) =>
        plan.Config.Required.Any(
            static rule => rule.Include.Any(static one => one.Type is null || one.StateKey is null));

    private static IEnumerable<StateEntryAt> ExactEntries(SlidingRoomPlan plan) =>
        plan.Config.Required
            .SelectMany(static rule => rule.Include)
            .Where(one => one is { Type: not null, StateKey: not null }
                && (one.Type == "m.room.member" || !NeedsWholeState(plan)))
            .Distinct()
            .Select(one => new StateEntryAt(plan.RoomId, plan.UpTo, one.Type!, one.StateKey!));

    private async ValueTask ReadSecondAsync(long position, CancellationToken cancellationToken)
    {
        var batch = reader.Begin();
        var members = batch.StateEntries([.. _plans.Where(plan => plan.Config.IsLazy).SelectMany(
            plan => plan.MissingMembers().Select(
                member => new StateEntryAt(plan.RoomId, plan.UpTo, "m.room.member", member)))]);
        var summarised = _plans.FindAll(
            plan => plan.IsInitial || plan.HasMemberChanges || plan.IsChanged("m.room.name"));
        // As of now: a room that the user is out of tells no more of its members than it did.
        var summaries = batch.Summaries(
            [.. summarised.Where(plan => plan.IsJoined).Select(plan => plan.RoomId)], _user, position);
        var named = batch.StateEntries([.. _plans.SelectMany(plan => new[]
        {
            new StateEntryAt(plan.RoomId, plan.UpTo, "m.room.name", string.Empty),
            new StateEntryAt(plan.RoomId, plan.UpTo, "m.room.avatar", string.Empty),
        })]);
        await batch.ExecuteAsync(cancellationToken);
        var roomIdToPlan = _plans.ToDictionary(plan => plan.RoomId);
        foreach (var stored in members)
            roomIdToPlan[stored.RoomId].Members.Add(stored);
        foreach (var plan in summarised)
            plan.Summary = summaries.GetValueOrDefault(plan.RoomId);
        foreach (var stored in named)
        {
            if (stored.Type == "m.room.name")
                roomIdToPlan[stored.RoomId].Name = stored;
            else
                roomIdToPlan[stored.RoomId].Avatar = stored;
        }
    }

    private async ValueTask ReadHeroesAsync(CancellationToken cancellationToken)
    {
        var entries = new List<StateEntryAt>();
        foreach (var plan in _plans)
        {
            if (plan.Summary is null || NameOf(plan).Length > 0)
                continue;
            foreach (var hero in plan.Summary.Heroes)
                entries.Add(new(plan.RoomId, plan.UpTo, "m.room.member", hero));
        }
        if (entries.Count == 0)
            return;
        var roomIdToPlan = _plans.ToDictionary(plan => plan.RoomId);
        foreach (var stored in await reader.ReadStateEntriesAsync(entries, cancellationToken))
            roomIdToPlan[stored.RoomId].Heroes.Add(stored);
    }

    private static string NameOf(SlidingRoomPlan plan) =>
        plan.Name?.Pdu.FindContentString("name"u8) ?? string.Empty;

    private void Fill(
        SlidingRoomPlan plan, SlidingAnswer answer, ImmutableDictionary<string, SentRoom>.Builder sent)
    {
        var isDirect = user.DirectRooms.Contains(plan.RoomId);
        var room = new SlidingRoom
        {
            RoomId = plan.RoomId,
            Membership = plan.Candidate.Membership.Membership,
            Lists = plan.Match.Lists,
            IsInitial = plan.IsInitial,
            IsTimelineExpanded = plan.IsExpanded && plan.Timeline.Exists(stored => stored.Position <= plan.After),
            BumpStamp = plan.Candidate.BumpStamp,
            IsDirect = plan.IsInitial ? (isDirect ? true : null) : isDirect != plan.Sent!.IsDirect ? isDirect : null,
            Summary = plan.Summary,
            Timeline = plan.Timeline,
            IsLimited = plan.IsLimited,
            PrevBatch = plan.PrevBatch,
            LiveCount = turn.Position is { } told ? plan.Timeline.Count(stored => stored.Position > told) : 0,
            History = plan.History,
        };
        if (plan.IsInitial || plan.IsChanged("m.room.name"))
            room.Name = NameOf(plan);
        if (plan.IsInitial || plan.IsChanged("m.room.avatar"))
            room.AvatarUrl = plan.Avatar?.Pdu.FindContentString("url"u8) ?? string.Empty;
        if (plan.Summary is not null && NameOf(plan).Length == 0)
            room.Heroes = [.. plan.Summary.Heroes
                .Select(hero => plan.Heroes.Find(stored => stored.StateKey == hero)).OfType<StoredEvent>()];
        var members = FillState(plan, room);
        var hasNews = room.Timeline.Count > 0 || room.RequiredState.Count > 0 || room.RemovedState.Count > 0
            || room.Summary is not null || room.Name is not null || room.AvatarUrl is not null
            || room.IsDirect is not null || plan.IsLimited || plan.IsInitial
            || plan.Sent!.Membership != room.Membership;
        var before = plan.Sent ?? new SentRoom(0, room.Membership, plan.Config);
        // An event of somebody ignored, state that nobody asked for: told, without a word.
        sent[plan.RoomId] = before with
        {
            UpTo = answer.Position,
            Membership = room.Membership,
            Config = plan.Config,
            IsDirect = isDirect,
            Members = plan.IsInitial || plan.IsLimited ? members : before.Members.Union(members),
        };
        if (hasNews)
            answer.Rooms.Add(room);
    }

    /// <summary>The state that the room's rules let through, each entry once; returns whose member events are
    /// in it.</summary>
    private static ImmutableHashSet<string> FillState(SlidingRoomPlan plan, SlidingRoom room)
    {
        var shown = new HashSet<string>();
        var members = ImmutableHashSet.CreateBuilder<string>();
        var isLazy = plan.Config.IsLazy;
        foreach (var stored in plan.Whole)
        {
            var isNew = plan.IsInitial || !plan.Sent!.Config.Wants(stored.Type, stored.StateKey!);
            if (isNew && plan.Config.Wants(stored.Type, stored.StateKey!))
                Add(stored);
        }
        foreach (var stored in plan.Changed)
        {
            // Lazy members: every change of a member, where the timeline has no gap.
            var isMemberNews = isLazy && !plan.IsLimited && stored.Type == "m.room.member";
            if (isMemberNews || plan.Config.Wants(stored.Type, stored.StateKey!))
                Add(stored);
        }
        foreach (var stored in plan.Members)
            Add(stored);
        foreach (var (type, stateKey) in plan.Removed)
        {
            if (plan.Config.Wants(type, stateKey) || (isLazy && type == "m.room.member"))
                room.RemovedState.Add((type, stateKey));
        }
        room.RequiredState.Sort(static (left, right) => left.Position.CompareTo(right.Position));
        return members.ToImmutable();

        void Add(StoredEvent stored)
        {
            if (!shown.Add(stored.EventId))
                return;
            room.RequiredState.Add(stored);
            if (stored.Type == "m.room.member")
                members.Add(stored.StateKey!);
        }
    }

    private void FillStripped(
        SlidingRoomPlan plan,
        Stripped stripped,
        SlidingAnswer answer,
        ImmutableDictionary<string, SentRoom>.Builder sent)
    {
        var membership = plan.Candidate.Membership;
        if (stripped.Members.Find(one => one.EventId == membership.EventId) is not { } member)
            return;
        if (membership.Membership == Membership.Invite && (blocksInvites || ignored.Contains(member.Sender)))
            return;
        var isDirect = user.DirectRooms.Contains(plan.RoomId);
        answer.Rooms.Add(new SlidingRoom
        {
            RoomId = plan.RoomId,
            Membership = membership.Membership,
            Lists = plan.Match.Lists,
            IsInitial = plan.IsInitial,
            BumpStamp = plan.Candidate.BumpStamp,
            IsDirect = isDirect ? true : null,
            Stripped = new SyncInvite(plan.RoomId, stripped.State[membership.EventId], member),
        });
        sent[plan.RoomId] = (plan.Sent ?? new SentRoom(0, membership.Membership, plan.Config)) with
        {
            UpTo = answer.Position,
            Membership = membership.Membership,
            Config = plan.Config,
            IsDirect = isDirect,
        };
    }

    private sealed record Stripped(Dictionary<string, ReadOnlyMemory<byte>> State, List<StoredEvent> Members);
}
