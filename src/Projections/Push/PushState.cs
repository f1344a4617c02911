using Matrix.EventSourced.Facts.Roomserver;
using Matrix.EventSourced.Facts.UserApi;
using Matrix.EventSourced.Projections.Relations;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Protocol.EventAuth;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Membership = Matrix.EventSourced.Projections.Roomserver.Membership;

namespace Matrix.EventSourced.Projections.Push;

/// <summary>The part of the tables that a batch touches, in memory; gone through fact by fact, then written.</summary>
internal sealed class PushState(PushPlan plan, PushRulesOf rules)
{
    private readonly Dictionary<(string Room, string User), PushMember> _members = [];
    private readonly Dictionary<string, ThreadPlace> _threads = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Pdu> _levels = new(StringComparer.Ordinal);
    private readonly Dictionary<string, MemberEvent> _memberEvents = new(StringComparer.Ordinal);
    private readonly Dictionary<string, OwnRules> _ownRules = new(StringComparer.Ordinal);
    private readonly Dictionary<string, PowerLevels> _powers = new(StringComparer.Ordinal);

    public PushPlan Plan => plan;

    public Dictionary<string, PushRoom> Rooms { get; } = new(StringComparer.Ordinal);

    public HashSet<(string Room, string User)> ChangedMembers { get; } = [];

    /// <summary>Users of ours who are neither joined nor invited any more: nothing of the room is theirs.</summary>
    public HashSet<(string Room, string User)> Gone { get; } = [];

    public HashSet<string> NewMemberEvents { get; } = new(StringComparer.Ordinal);

    public HashSet<string> ChangedLevels { get; } = new(StringComparer.Ordinal);

    public HashSet<string> NewThreads { get; } = new(StringComparer.Ordinal);

    public HashSet<string> ChangedRules { get; } = new(StringComparer.Ordinal);

    public Dictionary<string, NotificationRow> Shared { get; } = new(StringComparer.Ordinal);

    public Dictionary<(string EventId, string User), NotificationRow> Personal { get; } = [];

    public Dictionary<(string User, string Room, string Thread), long> Sent { get; } = [];

    public PushMember? FindMember(string room, string user) => _members.GetValueOrDefault((room, user));

    public OwnRules? RulesOf(string user) => _ownRules.GetValueOrDefault(user);

    public MemberEvent? FindMemberEvent(string eventId) => _memberEvents.GetValueOrDefault(eventId);

    public Pdu? FindLevels(string eventId) => _levels.GetValueOrDefault(eventId);

    public ThreadPlace ThreadOf(string eventId) => _threads[eventId];

    public void LoadMember(string room, string user, PushMember member) => _members[(room, user)] = member;

    public void LoadThread(string eventId, ThreadPlace place) => _threads[eventId] = place;

    public void LoadLevels(string eventId, Pdu pdu) => _levels[eventId] = pdu;

    public void LoadMemberEvent(string eventId, MemberEvent member) => _memberEvents[eventId] = member;

    public void LoadRules(string user, OwnRules own) => _ownRules[user] = own;

    public PushRoom RoomOf(string roomId)
    {
        if (!Rooms.TryGetValue(roomId, out var room))
            Rooms[roomId] = room = new PushRoom(roomId);
        return room;
    }

    public void Apply(object step)
    {
        switch (step)
        {
            case PlannedPdu planned:
                Apply(planned);
                break;
            case AccountDataSet set:
                SetRules(set);
                break;
        }
    }

    private void SetRules(AccountDataSet set)
    {
        var user = set.UserId.Value;
        ChangedRules.Add(user);
        var own = rules.Normalise(set.Content.Utf8);
        if (own is null)
            _ownRules.Remove(user);
        else
            _ownRules[user] = own;
        foreach (var room in Rooms.Values)
        {
            if (own is null || FindMember(room.RoomId, user) is not { Membership: Membership.Join })
                room.WithOwnRules.Remove(user);
            else
                room.WithOwnRules.Add(user);
        }
    }

    private void Apply(PlannedPdu planned)
    {
        var room = RoomOf(planned.RoomId);
        Remember(planned);
        if (planned.Fact.RedactsApplied is { } target)
            Redact(room, target.Value, planned.Position);
        MoveState(room, planned);
        if (planned.Fact.Disposition == PduDisposition.Accepted)
            AddThread(planned);
        new PushEvaluation(this, rules, room, planned).Run();
        if (planned.Fact.RedactedBy is not null)
            Redact(room, planned.Fact.EventId.Value, planned.Position);
    }

    private void Remember(PlannedPdu planned)
    {
        var pdu = planned.Pdu;
        var eventId = planned.Fact.EventId.Value;
        switch (pdu.Type, pdu.StateKey)
        {
            case (EventTypes.Member, { } user) when Memberships.Find(pdu.Membership) is { } membership:
                // The first fact about a PDU stays: what is redacted stays so.
                if (_memberEvents.TryAdd(eventId, new(planned.RoomId, user, membership, NameOf(pdu, user))))
                    NewMemberEvents.Add(eventId);
                break;
            case (EventTypes.PowerLevels or EventTypes.Create, ""):
                if (_levels.TryAdd(eventId, pdu))
                    ChangedLevels.Add(eventId);
                break;
        }
    }

    private string? NameOf(Pdu pdu, string user) =>
        plan.IsOurs(user) && pdu.FindContentString("displayname"u8) is { Length: > 0 } name ? name : null;

    private void Redact(PushRoom room, string target, long position)
    {
        (room.RedactedPosition, room.IsChanged) = (position, true);
        Shared.Remove(target);
        foreach (var key in Personal.Keys.Where(key => key.EventId == target).ToList())
            Personal.Remove(key);
        if (_threads.Remove(target))
            NewThreads.Remove(target);
        if (_memberEvents.TryGetValue(target, out var member))
            _memberEvents[target] = member with { DisplayName = null };
        foreach (var (key, value) in _members.Where(entry => entry.Value.EventId == target).ToList())
            _members[key] = value with { DisplayName = null };
        if (!_levels.TryGetValue(target, out var levels))
            return;
        _levels[target] = levels.ToRedacted();
        ChangedLevels.Add(target);
        _powers.Remove(room.RoomId);
    }

    private void MoveState(PushRoom room, PlannedPdu planned)
    {
        var fact = planned.Fact;
        foreach (var tuple in fact.StateRemoved)
            Remove(room, tuple.Type, tuple.StateKey);
        foreach (var entry in fact.StateAdded)
        {
            var eventId = entry.EventId.Value;
            switch (entry.Tuple.Type)
            {
                case EventTypes.Member:
                    SetMember(room, entry.Tuple.StateKey, eventId, planned.Position);
                    break;
                case EventTypes.PowerLevels when entry.Tuple.StateKey.Length == 0:
                    (room.LevelsId, room.IsChanged) = (eventId, true);
                    _powers.Remove(room.RoomId);
                    break;
                case EventTypes.Create when entry.Tuple.StateKey.Length == 0:
                    (room.CreateId, room.IsChanged) = (eventId, true);
                    _powers.Remove(room.RoomId);
                    break;
            }
        }
        // An invite to a room that this server is not in, and its end: there is no state, the PDU itself is all.
        var isOutside = fact is { Disposition: PduDisposition.Outlier, StrippedState: not null };
        if (isOutside && planned.Pdu is { Type: EventTypes.Member, StateKey: { } user })
            SetMember(room, user, fact.EventId.Value, planned.Position);
    }

    private void Remove(PushRoom room, string type, string stateKey)
    {
        if (type == EventTypes.Member)
            SetMember(room, stateKey, null, 0);
        else if (type == EventTypes.PowerLevels && stateKey.Length == 0)
            (room.LevelsId, room.IsChanged, _) = (null, true, _powers.Remove(room.RoomId));
    }

    private void SetMember(PushRoom room, string user, string? eventId, long position)
    {
        var before = FindMember(room.RoomId, user);
        var said = eventId is null ? null : FindMemberEvent(eventId);
        var isOurs = plan.IsOurs(user);
        var isKept = said?.Membership == Membership.Join || (isOurs && said?.Membership == Membership.Invite);
        var after = isKept
            ? new PushMember(
                said!.Membership,
                said.DisplayName,
                eventId!,
                before?.Membership == said.Membership ? before.Since : position)
            : null;
        if (before == after)
            return;
        var step = (after?.Membership == Membership.Join ? 1 : 0) - (before?.Membership == Membership.Join ? 1 : 0);
        room.Joined += step;
        room.JoinedLocal += isOurs ? step : 0;
        room.IsChanged |= step != 0;
        ChangedMembers.Add((room.RoomId, user));
        if (after is null)
            _members.Remove((room.RoomId, user));
        else
            _members[(room.RoomId, user)] = after;
        if (!isOurs)
            return;
        if (after?.Membership == Membership.Join && RulesOf(user) is not null)
            room.WithOwnRules.Add(user);
        else if (after?.Membership != Membership.Join)
            room.WithOwnRules.Remove(user);
        if (after is null)
            Forget(room.RoomId, user);
    }

    /// <summary>Who left has nothing to be notified of, and starts anew when they come back.</summary>
    private void Forget(string room, string user)
    {
        Gone.Add((room, user));
        foreach (var (key, row) in Personal.ToList())
        {
            if (key.User == user && row.RoomId == room)
                Personal.Remove(key);
        }
        foreach (var key in Sent.Keys.Where(key => key.User == user && key.Room == room).ToList())
            Sent.Remove(key);
    }

    private void AddThread(PlannedPdu planned)
    {
        if (planned.Relation is not { } relation)
            return;
        ThreadPlace place;
        if (relation.Type == Relation.Thread)
            place = new(relation.EventId, 0);
        else if (_threads.TryGetValue(relation.EventId, out var parent) && parent.Hops < PushLimits.ThreadHopsMax)
            place = new(parent.Root, (short)(parent.Hops + 1));
        else
            return;
        if (_threads.TryAdd(planned.Fact.EventId.Value, place))
            NewThreads.Add(planned.Fact.EventId.Value);
    }

    /// <summary>The id of the PDU's thread, <c>main</c> where it is in none.</summary>
    public string ThreadIdOf(PlannedPdu planned) =>
        _threads.TryGetValue(planned.Fact.EventId.Value, out var place) ? place.Root : PushProjection.MainThread;

    /// <summary>Whether a sender's power level is enough for a kind of notification.</summary>
    public bool MayNotify(PushRoom room, UserId sender, string key)
    {
        if (room.CreateId is null || !_levels.TryGetValue(room.CreateId, out var create))
            return false;
        if (!_powers.TryGetValue(room.RoomId, out var powers))
        {
            var levels = room.LevelsId is { } id ? _levels.GetValueOrDefault(id) : null;
            _powers[room.RoomId] = powers = PowerLevels.From(levels, create);
        }
        return powers.UserLevel(sender) >= powers.NotificationLevel(key);
    }
}
