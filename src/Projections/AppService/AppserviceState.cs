using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.AppService;
using Matrix.EventSourced.Facts.PublicRooms;
using Matrix.EventSourced.Facts.Roomserver;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Protocol.AppServices;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Projections.AppService;

/// <summary>The part of the tables that a batch touches, in memory; gone through fact by fact, then written.</summary>
internal sealed class AppserviceState(AppserviceSet services, AppservicePlan plan)
{
    private readonly HashSet<(string Room, string User)> _joined = [];
    private readonly Dictionary<(string Room, string Service), long> _reasons = [];
    private readonly Dictionary<string, HashSet<string>> _userToRooms = new(StringComparer.Ordinal);
    private readonly Dictionary<string, ServiceRow> _standing = new(StringComparer.Ordinal);
    private readonly Dictionary<string, long> _skipUpTo = new(StringComparer.Ordinal);

    public AppservicePlan Plan => plan;

    public HashSet<string> OlderJoins { get; } = new(StringComparer.Ordinal);

    public HashSet<(string Room, string User)> ChangedMembers { get; } = [];

    public HashSet<(string Room, string Service)> ChangedInterest { get; } = [];

    public Dictionary<string, ServiceRow> ChangedServices { get; } = new(StringComparer.Ordinal);

    public Dictionary<string, long> DeliveredUpTo { get; } = new(StringComparer.Ordinal);

    /// <summary>Ephemeral facts of which a newer one waits now; those of a transaction under way stay.</summary>
    public Dictionary<(string Service, string Subject), long> SupersededAfter { get; } = [];

    public Dictionary<string, List<QueueRow>> Queued { get; } = new(StringComparer.Ordinal);

    public Dictionary<(string Service, string Network, string Room), bool> ChangedListings { get; } = [];

    public bool IsJoined(string room, string user) => _joined.Contains((room, user));

    public long ReasonsOf(string room, string service) => _reasons.GetValueOrDefault((room, service));

    public void LoadMember(string room, string user) => _joined.Add((room, user));

    public void LoadReasons(string room, string service, long reasons) => _reasons[(room, service)] = reasons;

    public void LoadRoomOf(string user, string room) => RoomsOf(user).Add(room);

    public IEnumerable<string> RoomsOfLoaded(string user) => RoomsOf(user);

    public void LoadService(string service, ServiceRow row) => _standing[service] = row;

    /// <summary>What the log says was delivered already, or came before the service was followed: rows for it need not
    /// be made.</summary>
    public void Skip(string service, long upTo) => _skipUpTo[service] = upTo;

    public void Apply(DecodedRecord record)
    {
        switch (record.Fact)
        {
            case PduRecorded pdu:
                Apply(pdu, record);
                break;
            case AliasCreated fact:
                AddReason(fact.RoomId.Value, service => service.CoversAlias(fact.Alias), 1);
                break;
            case AliasDeleted fact:
                AddReason(fact.RoomId.Value, service => service.CoversAlias(fact.Alias), -1);
                break;
            case NetworkListingChanged fact:
                ChangedListings[(fact.AppserviceId, fact.NetworkId, fact.RoomId.Value)] = fact.IsListed;
                break;
            case AppserviceTransactionBegun fact:
                Deliver(fact, fact.DeliveredUpTo);
                SetService(fact, Standing(fact) with { DeliveredUpTo = fact.DeliveredUpTo, AttemptUpTo = fact.UpTo });
                break;
            case AppserviceTransactionDelivered fact:
                Deliver(fact, fact.UpTo);
                SetService(fact, new ServiceRow(fact.UpTo, 0, 0, 0, 0, null));
                break;
            case AppserviceDeliveryFailed fact:
                Deliver(fact, fact.DeliveredUpTo);
                SetService(fact, new ServiceRow(
                    fact.DeliveredUpTo,
                    fact.AttemptUpTo,
                    fact.Failures,
                    fact.FailingSinceMs,
                    fact.RetryAtMs,
                    fact.Reason));
                break;
            default:
                if (AppserviceAudience.Of(record.Fact) is { } audience)
                    Apply(audience, record);
                break;
        }
    }

    private void Apply(PduRecorded fact, DecodedRecord record)
    {
        var room = fact.RoomId;
        var isShown = fact.Disposition == PduDisposition.Accepted;
        // Whoever was interested hears why they are so no more.
        var hearers = new HashSet<string>(StringComparer.Ordinal);
        if (isShown)
            AddInterested(room, hearers);
        foreach (var entry in fact.StateAdded)
        {
            if (entry.Tuple.Type == AppservicePlan.MemberType)
                SetMember(room.Value, entry.Tuple.StateKey, SaysJoin(entry.EventId.Value));
        }
        foreach (var tuple in fact.StateRemoved)
        {
            if (tuple.Type == AppservicePlan.MemberType)
                SetMember(room.Value, tuple.StateKey, isJoined: false);
        }
        if (isShown)
            AddInterested(room, hearers);
        // Invites and knocks from outside are no part of a timeline, and still for their user.
        var isForTarget = isShown || fact is { Disposition: PduDisposition.Outlier, StrippedState: not null };
        if (isForTarget && plan.EventIdToTarget.TryGetValue(fact.EventId.Value, out var text)
            && UserId.TryParse(text, out var target))
        {
            AddOwners(target, hearers);
        }
        foreach (var service in services.All)
        {
            if (hearers.Contains(service.Id))
                Queue(service.Id, record, isPdu: true, null);
        }
    }

    private void Apply(AppserviceAudience audience, DecodedRecord record)
    {
        var hearers = new HashSet<string>(StringComparer.Ordinal);
        if (audience.Room is { } room)
            AddInterested(RoomId.Parse(room), hearers);
        if (audience.SharersOf is { } user)
        {
            AddOwners(user, hearers);
            foreach (var shared in RoomsOf(user.Value))
                AddInterested(RoomId.Parse(shared), hearers);
        }
        if (audience.OwnersOf is { } recipient)
            AddOwners(recipient, hearers);
        var owner = AppserviceAudience.SubjectOf(record.Fact);
        foreach (var service in services.All)
        {
            if (!audience.IsWantedBy(service) || !hearers.Contains(service.Id))
                continue;
            if (audience.IsOwnersOnly && !(owner is { } one && service.OwnsUser(one)))
                continue;
            var isFailing = _standing.GetValueOrDefault(service.Id) is { Failures: > 0 };
            if (isFailing && audience is { Subject: null, IsKept: false })
                continue;
            if (isFailing && audience.Subject is not null)
                Supersede(service.Id, audience.Subject!);
            Queue(service.Id, record, isPdu: false, audience.Subject);
        }
    }

    private void Supersede(string service, string subject)
    {
        var after = _standing[service].AttemptUpTo;
        // Those that waited before the batch are judged by the first of its facts; the batch's own, one by one.
        SupersededAfter[(service, subject)] =
            Math.Min(SupersededAfter.GetValueOrDefault((service, subject), long.MaxValue), after);
        if (Queued.TryGetValue(service, out var rows))
            rows.RemoveAll(row => row.Subject == subject && row.Position > after);
    }

    private void Queue(string service, DecodedRecord record, bool isPdu, string? subject)
    {
        var position = (long)record.Record.Position.Value;
        if (position <= _skipUpTo.GetValueOrDefault(service))
            return;
        if (!Queued.TryGetValue(service, out var rows))
            Queued.Add(service, rows = []);
        rows.Add(new QueueRow(
            position, record.Record.Stream.Value, record.Record.Revision, isPdu, record.Record.CreatedMs, subject));
    }

    private void Deliver(IAppserviceFact fact, long upTo)
    {
        DeliveredUpTo[fact.AppserviceId] = Math.Max(DeliveredUpTo.GetValueOrDefault(fact.AppserviceId), upTo);
        if (Queued.TryGetValue(fact.AppserviceId, out var rows))
            rows.RemoveAll(row => row.Position <= upTo);
    }

    private ServiceRow Standing(IAppserviceFact fact) =>
        _standing.GetValueOrDefault(fact.AppserviceId) ?? new ServiceRow(0, 0, 0, 0, 0, null);

    private void SetService(IAppserviceFact fact, ServiceRow row) =>
        _standing[fact.AppserviceId] = ChangedServices[fact.AppserviceId] = row;

    private void AddInterested(RoomId room, HashSet<string> hearers)
    {
        foreach (var service in services.All)
        {
            if (!hearers.Contains(service.Id) && (ReasonsOf(room.Value, service.Id) > 0 || service.CoversRoom(room)))
                hearers.Add(service.Id);
        }
    }

    private void AddOwners(UserId user, HashSet<string> hearers)
    {
        foreach (var service in services.All)
        {
            if (service.OwnsUser(user))
                hearers.Add(service.Id);
        }
    }

    private bool SaysJoin(string eventId) => plan.Joins.Contains(eventId) || OlderJoins.Contains(eventId);

    private void SetMember(string room, string user, bool isJoined)
    {
        var isChanged = isJoined ? _joined.Add((room, user)) : _joined.Remove((room, user));
        // What is no user id is in nobody's namespace.
        if (!isChanged || !UserId.TryParse(user, out var userId))
            return;
        ChangedMembers.Add((room, user));
        AddReason(room, service => service.OwnsUser(userId), isJoined ? 1 : -1);
        if (!plan.Sharers.Contains(user))
            return;
        if (isJoined)
            RoomsOf(user).Add(room);
        else
            RoomsOf(user).Remove(room);
    }

    private void AddReason(string room, Func<AppserviceRegistration, bool> isReason, int change)
    {
        foreach (var service in services.All)
        {
            if (!isReason(service))
                continue;
            _reasons[(room, service.Id)] = ReasonsOf(room, service.Id) + change;
            ChangedInterest.Add((room, service.Id));
        }
    }

    private HashSet<string> RoomsOf(string user)
    {
        if (!_userToRooms.TryGetValue(user, out var rooms))
            _userToRooms.Add(user, rooms = new(StringComparer.Ordinal));
        return rooms;
    }
}

/// <summary>A fact that waits for an application service.</summary>
internal sealed record QueueRow(
    long Position, string Stream, long Revision, bool IsPdu, long RecordedMs, string? Subject);

/// <summary>How an application service was last found. Shape: AttemptUpTo 0 while nothing is under way.</summary>
internal sealed record ServiceRow(
    long DeliveredUpTo, long AttemptUpTo, int Failures, long FailingSinceMs, long RetryAtMs, string? Reason);
