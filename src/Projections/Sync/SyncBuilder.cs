using Matrix.EventSourced.Projections.Roomserver;

namespace Matrix.EventSourced.Projections.Sync;

/// <summary>Builds the rooms of one sync answer, as of one position.</summary>
/// <remarks>
/// <code>
///   snapshot ─► plan per room ─► round 1: timelines, memberships, invites      (what memory does not have)
///                             ─► round 2: state, members, summaries            (where a room is new, has a gap, or
/// members moved)
///                             ─► round 3: the heroes' member events            (lazy loading with a summary)
/// </code>
/// Every round is one round trip for all rooms, and is left out when it has nothing to ask. The same request at the
/// same position gives the
/// same answer whether a room came from memory or from the tables.
/// </remarks>
internal sealed class SyncBuilder(
    SyncRequest request,
    LiveSnapshot snapshot,
    LiveView live,
    RoomReader reader,
    LazyMembers lazyMembers)
{
    private readonly SyncFilter _filter = request.Filter;
    private readonly string _user = request.User.Value;
    private readonly List<SyncRoomPlan> _plans = [];
    private readonly List<UserMembership> _invites = [];

    private bool IsLazy => _filter.IsLazy;

    public async ValueTask<SyncAnswer> BuildAsync(CancellationToken cancellationToken)
    {
        var answer = new SyncAnswer { NextBatch = Math.Max(snapshot.Position, request.Since ?? 0) };
        if (request.Since is null)
            lazyMembers.Forget(_user, request.DeviceId);
        Plan(answer);
        var stripped = await ReadTimelinesAsync(cancellationToken);
        await ReadStateAsync(cancellationToken);
        Fill(answer);
        FillInvites(answer, stripped.State, stripped.Members);
        return answer;
    }

    private void Plan(SyncAnswer answer)
    {
        foreach (var (membership, entries) in snapshot.Joined)
        {
            if (!_filter.PassesRoom(membership.RoomId))
                continue;
            answer.JoinedRoomIds.Add(membership.RoomId);
            // A full state keeps the timeline after the token, and so asks the tables for both.
            var isNew = request.Since is null || membership.Since > request.Since;
            if (entries is { Length: 0 })
                continue;
            _plans.Add(new(membership, isLeft: false, isNew, isNew ? 0 : request.Since!.Value, answer.NextBatch)
            {
                Entries = entries,
                IsFullState = isNew || request.IsFullState,
            });
        }
        foreach (var membership in snapshot.Others)
        {
            if (!_filter.PassesRoom(membership.RoomId))
                continue;
            var isNews = request.Since is null || membership.Position > request.Since;
            if (membership.Membership is Membership.Invite or Membership.Knock)
            {
                if (isNews)
                    _invites.Add(membership);
            }
            else if (request.Since is null ? _filter.IncludeLeave : isNews)
            {
                _plans.Add(new(
                    membership, isLeft: true, isNew: request.Since is null, request.Since ?? 0, membership.Position)
                {
                    IsFullState = request.Since is null || request.IsFullState,
                });
            }
        }
        _plans.Sort(static (left, right) => string.CompareOrdinal(left.RoomId, right.RoomId));
        _invites.Sort(static (left, right) => string.CompareOrdinal(left.RoomId, right.RoomId));
    }

    private async ValueTask<(
        Dictionary<string, ReadOnlyMemory<byte>> State, List<StoredEvent> Members)> ReadTimelinesAsync(
        CancellationToken cancellationToken)
    {
        var limit = _filter.TimelineLimit;
        var fromTables = _plans.FindAll(plan => plan.Entries is null && _filter.Timeline.PassesRoom(plan.RoomId));
        var withHistory = _plans.FindAll(plan => plan.IsNew || plan.IsLeft);
        foreach (var plan in _plans)
        {
            if (plan.Entries is not null)
                plan.TakeEntries(_filter.Timeline, limit, request.Ignored);
        }
        var batch = reader.Begin();
        var timeline = batch.Timeline(
            [.. fromTables.Select(plan => plan.Range)], _filter.Timeline, limit + 1);
        var gaps = batch.Gaps([.. fromTables.Select(plan => plan.Range)]);
        var histories = batch.Histories([.. withHistory.Select(plan => plan.RoomId)], _user);
        var moved = batch.MemberChanges(
            [.. _plans.Where(plan => plan.Entries is null && !plan.IsNew && !plan.IsLeft).Select(plan => plan.Range)]);
        var inviteIds = _invites.ConvertAll(invite => invite.EventId);
        var stripped = batch.Stripped(inviteIds);
        var invites = batch.Events(inviteIds);
        var incomplete = FindIncomplete();
        var completed = batch.Events([.. incomplete.Keys]);
        await batch.ExecuteAsync(cancellationToken);

        var roomIdToPlan = fromTables.ToDictionary(plan => plan.RoomId);
        foreach (var stored in timeline)
            roomIdToPlan[stored.RoomId].Newest.Add(stored);
        foreach (var plan in withHistory)
            plan.History = histories[plan.RoomId];
        foreach (var (roomId, gap) in gaps)
            roomIdToPlan[roomId].LastGap = gap;
        foreach (var plan in fromTables)
            plan.TakeNewest(limit, request.Since, request.Ignored);
        foreach (var plan in _plans)
            plan.HasMemberChanges |= moved.Contains(plan.RoomId);
        Complete(incomplete, completed);
        return (stripped, invites);
    }

    /// <summary>Events in memory whose surroundings (what they replaced, why they are redacted) nobody has read
    /// yet.</summary>
    private Dictionary<string, (SyncRoomPlan Plan, LiveEntry Entry)> FindIncomplete()
    {
        var incomplete = new Dictionary<string, (SyncRoomPlan, LiveEntry)>();
        foreach (var plan in _plans)
        {
            foreach (var (entry, stored) in plan.Shown)
            {
                if ((stored.Replaces is not null && stored.Replaced is null) || (
                    stored.RedactedBy is not null && stored.Redaction is null))
                    incomplete[stored.EventId] = (plan, entry);
            }
        }
        return incomplete;
    }

    private void Complete(
        Dictionary<string, (SyncRoomPlan Plan, LiveEntry Entry)> incomplete, List<StoredEvent> completed)
    {
        foreach (var stored in completed)
        {
            var (plan, entry) = incomplete[stored.EventId];
            var index = plan.Timeline.FindIndex(shown => shown.EventId == stored.EventId);
            var before = plan.Timeline[index];
            plan.Timeline[index] = stored;
            if (before.RedactedBy == stored.RedactedBy)
                live.Keep(entry, before, before.With(stored.Replaced, stored.Redaction));
        }
    }

    private async ValueTask ReadStateAsync(CancellationToken cancellationToken)
    {
        var batch = reader.Begin();
        var ranges = new List<StateRange>();
        var members = new List<StateEntryAt>();
        var foreign = new List<TimelineRange>();
        var late = new List<StateRange>();
        foreach (var plan in _plans)
        {
            if (plan.MaySeeState(request.Since) && _filter.State.PassesRoom(plan.RoomId))
                PlanState(plan, ranges, members, foreign, late);
        }
        var summarised = _plans.FindAll(
            plan => !plan.IsLeft && (plan.IsFullState || plan.IsLimited || plan.HasMemberChanges));
        var state = batch.State(ranges);
        var memberEvents = batch.StateEntries(members);
        var foreignState = batch.ForeignState(foreign);
        var lateState = batch.State(late);
        var summaries = batch.Summaries([.. summarised.Select(plan => plan.RoomId)], _user, snapshot.Position);
        await batch.ExecuteAsync(cancellationToken);

        var roomIdToPlan = _plans.ToDictionary(plan => plan.RoomId);
        foreach (var events in (ReadOnlySpan<List<StoredEvent>>)[state, memberEvents, foreignState])
        {
            foreach (var stored in events)
                roomIdToPlan[stored.RoomId].AddState(stored, _filter.State);
        }
        foreach (var stored in lateState)
            roomIdToPlan[stored.RoomId].AddLateState(stored, _filter.State);
        foreach (var plan in summarised)
            plan.Summary = summaries.GetValueOrDefault(plan.RoomId);
        if (IsLazy)
            await ReadHeroesAsync(summarised, cancellationToken);
    }

    private void PlanState(
        SyncRoomPlan plan,
        List<StateRange> ranges,
        List<StateEntryAt> members,
        List<TimelineRange> foreign,
        List<StateRange> late)
    {
        var at = request.UseStateAfter ? plan.StateUpTo : Math.Min(plan.StartsAfter, plan.StateUpTo);
        var isFull = plan.IsFullState || plan.IsNewlyShown(request.Since);
        if (isFull)
            ranges.Add(new(plan.RoomId, at, 0, !IsLazy));
        else if (plan.NeedsDelta(request.UseStateAfter))
            ranges.Add(new(plan.RoomId, at, plan.After, WithMembers: true));
        if (!request.UseStateAfter && plan.NeedsForeignState)
            foreign.Add(new(plan.RoomId, at, plan.StateUpTo));
        if (!request.UseStateAfter && plan.MayLackState(_filter.Timeline))
            late.Add(new(plan.RoomId, plan.StateUpTo, plan.StartsAfter, WithMembers: !isFull || !IsLazy));
        if (IsLazy)
            PlanMembers(plan, isFull, at, members);
    }

    /// <summary>The members that the timeline needs: its senders, and the user where the whole state is
    /// shown.</summary>
    private void PlanMembers(SyncRoomPlan plan, bool isFull, long at, List<StateEntryAt> members)
    {
        var wanted = new SortedSet<string>(StringComparer.Ordinal);
        if (isFull)
            wanted.Add(_user);
        foreach (var stored in plan.Timeline)
            wanted.Add(stored.Sender);
        var mayLeaveOut = !isFull && !plan.IsLimited && !_filter.State.IncludeRedundantMembers;
        foreach (var member in wanted)
        {
            var isKnown = mayLeaveOut && lazyMembers.WasSent(
                _user, request.DeviceId, plan.RoomId, member, request.Since!.Value);
            if (isKnown)
                continue;
            members.Add(new(plan.RoomId, at, "m.room.member", member));
            lazyMembers.Sent(_user, request.DeviceId, plan.RoomId, member, snapshot.Position);
        }
    }

    private async ValueTask ReadHeroesAsync(List<SyncRoomPlan> summarised, CancellationToken cancellationToken)
    {
        var entries = new List<StateEntryAt>();
        foreach (var plan in summarised)
        {
            foreach (var hero in plan.Summary?.Heroes ?? [])
            {
                if (!plan.HasMember(hero))
                    entries.Add(
                        new(plan.RoomId, request.UseStateAfter ? plan.UpTo : plan.StartsAfter, "m.room.member", hero));
            }
        }
        if (entries.Count == 0)
            return;
        var roomIdToPlan = summarised.ToDictionary(plan => plan.RoomId);
        foreach (var stored in await reader.ReadStateEntriesAsync(entries, cancellationToken))
            roomIdToPlan[stored.RoomId].AddState(stored, _filter.State);
    }

    private void Fill(SyncAnswer answer)
    {
        foreach (var plan in _plans)
        {
            var isNews = plan.Timeline.Count > 0 || plan.State.Count > 0 || plan.IsFullState || plan.IsLimited;
            if (!isNews && !plan.IsLeft)
                continue;
            var room = new SyncRoom
            {
                RoomId = plan.RoomId,
                IsLimited = plan.IsLimited,
                PrevBatch = plan.PrevBatch,
                Summary = plan.Summary,
                History = plan.History,
            };
            room.Timeline.AddRange(plan.Timeline);
            room.State.AddRange(plan.State.Values);
            (plan.IsLeft ? answer.Left : answer.Joined).Add(room);
        }
    }

    private void FillInvites(
        SyncAnswer answer, Dictionary<string, ReadOnlyMemory<byte>> stripped, List<StoredEvent> members)
    {
        foreach (var invite in _invites)
        {
            if (members.Find(member => member.EventId == invite.EventId) is not { } member)
                continue;
            if (invite.Membership == Membership.Invite
                && (request.BlocksInvites || request.Ignored.Contains(member.Sender)))
            {
                continue;
            }
            var list = invite.Membership == Membership.Invite ? answer.Invited : answer.Knocked;
            list.Add(new(invite.RoomId, stripped[invite.EventId], member));
        }
    }
}
