using Matrix.EventSourced.Facts.FedSender;
using Matrix.EventSourced.Facts.Roomserver;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Projections.FedSender;

/// <summary>The part of the tables that a batch touches, in memory; gone through fact by fact, then written.</summary>
internal sealed class FedSenderState(string us, FedSenderPlan plan)
{
    /// <summary>
    /// LIMIT: how long a server is away before only the newest PDU of each room waits for it. Ours: an hour's PDUs are
    /// soon sent, more are better fetched by who needs them.
    /// </summary>
    private const long OutageMs = 60 * 60 * 1000;

    private readonly HashSet<(string, string)> _joined = [];
    private readonly Dictionary<string, Dictionary<string, long>> _roomToHosts = new(StringComparer.Ordinal);
    private readonly Dictionary<string, HashSet<string>> _userToRooms = new(StringComparer.Ordinal);
    private readonly Dictionary<string, DestinationRow> _failing = new(StringComparer.Ordinal);
    private readonly Dictionary<string, long> _skipUpTo = new(StringComparer.Ordinal);

    public HashSet<string> OlderJoins { get; } = new(StringComparer.Ordinal);

    /// <summary>Invites and knocks of earlier batches that one of the plan's endings cites.</summary>
    public HashSet<string> OlderPending { get; } = new(StringComparer.Ordinal);

    public HashSet<(string Room, string User)> ChangedMembers { get; } = [];

    public HashSet<(string Room, string Server)> ChangedHosts { get; } = [];

    public Dictionary<string, DestinationRow> ChangedDestinations { get; } = new(StringComparer.Ordinal);

    public Dictionary<string, long> DeliveredUpTo { get; } = new(StringComparer.Ordinal);

    public HashSet<(string Destination, string Room)> Superseded { get; } = [];

    /// <summary>EDUs of which a newer one waits now.</summary>
    public HashSet<(string Destination, string Subject)> SupersededSubjects { get; } = [];

    public Dictionary<string, List<QueueRow>> Queued { get; } = new(StringComparer.Ordinal);

    /// <summary>Users of ours who joined rooms, and those rooms.</summary>
    private readonly HashSet<(string User, string Room)> _joinedRooms = [];

    /// <summary>Those of them that other servers are in.</summary>
    public List<(string User, string Room)> FederatedJoins =>
        [.. _joinedRooms.Where(join => IsJoined(join.Room, join.User) && HostsOf(join.Room).Count > 1)];

    /// <summary>Users of other servers who left a room.</summary>
    public HashSet<string> Parted { get; } = new(StringComparer.Ordinal);

    /// <summary>Rooms that the last user of ours left.</summary>
    public HashSet<string> LeftRooms { get; } = new(StringComparer.Ordinal);

    public FedSenderPlan Plan => plan;

    public bool IsJoined(string room, string user) => _joined.Contains((room, user));

    public long CountOf(string room, string server) => HostsOf(room).GetValueOrDefault(server);

    public void LoadMember(string room, string user) => _joined.Add((room, user));

    public void LoadRoomOf(string user, string room) => RoomsOf(user).Add(room);

    public IEnumerable<string> RoomsOfLoaded(string user) => RoomsOf(user);

    public void LoadHost(string room, string server, long members) => HostsOf(room)[server] = members;

    public void LoadFailing(string destination, DestinationRow row) => _failing[destination] = row;

    /// <summary>What the log says was delivered already: in a rebuild, rows for it need not be made.</summary>
    public void Skip(string destination, long upTo) => _skipUpTo[destination] = upTo;

    public IEnumerable<string> LoadedHosts => _roomToHosts.Values.SelectMany(hosts => hosts.Keys)
        .Union(plan.Endings.Values.Select(ending => ending.Server));

    public void Apply(DecodedRecord record)
    {
        switch (record.Fact)
        {
            case PduRecorded pdu:
                Apply(pdu, record);
                break;
            case TransactionDelivered fact:
                Deliver(fact.Destination.Value, fact.UpTo);
                _failing.Remove(fact.Destination.Value);
                ChangedDestinations[fact.Destination.Value] = new DestinationRow(fact.UpTo, 0, 0, 0, null);
                break;
            case DeliveryFailed fact:
                Deliver(fact.Destination.Value, fact.DeliveredUpTo);
                _failing[fact.Destination.Value] = ChangedDestinations[fact.Destination.Value] = new DestinationRow(
                    fact.DeliveredUpTo, fact.Failures, fact.FailingSinceMs, fact.RetryAtMs, fact.Reason);
                break;
            default:
                if (EduAudience.Of(record.Fact, us) is { } audience)
                    Apply(audience, record);
                break;
        }
    }

    private void Apply(PduRecorded fact, DecodedRecord record)
    {
        var room = fact.RoomId.Value;
        var isSent = fact.SendOn?.Value == us && fact.Disposition == PduDisposition.Accepted;
        // Who leaves, or is made to, hears of it; who comes, too.
        var before = isSent ? new HashSet<string>(HostsOf(room).Keys, StringComparer.Ordinal) : null;
        foreach (var entry in fact.StateAdded)
        {
            if (entry.Tuple.Type == FedSenderPlan.MemberType)
                SetMember(room, entry.Tuple.StateKey, SaysJoin(entry.EventId.Value));
        }
        foreach (var tuple in fact.StateRemoved)
        {
            if (tuple.Type == FedSenderPlan.MemberType)
                SetMember(room, tuple.StateKey, isJoined: false);
        }
        if (before is null)
            return;
        before.UnionWith(HostsOf(room).Keys);
        // Whose invite is taken back, or knock refused, would wait for ever: their server need not be in the room.
        if (plan.Endings.TryGetValue(fact.EventId.Value, out var ending)
            && ending.AuthEvents.Any(cited => plan.Pending.Contains(cited) || OlderPending.Contains(cited)))
            before.Add(ending.Server);
        foreach (var destination in before)
            QueuePdu(destination, room, record);
    }

    private void Apply(EduAudience audience, DecodedRecord record)
    {
        IEnumerable<string> destinations = audience switch
        {
            { Server: { } server } => [server],
            { Room: { } room } => HostsOf(room).Keys,
            { SharersOf: { } user } => RoomsOf(user).SelectMany(room => HostsOf(room).Keys).Distinct(),
            _ => [],
        };
        foreach (var destination in destinations)
        {
            var isFailing = _failing.ContainsKey(destination);
            if (isFailing && audience.Worth == EduWorth.Fleeting)
                continue;
            if (isFailing && audience.Subject is { } subject)
                SupersedeSubject(destination, subject);
            Queue(destination, audience.Room, record, isPdu: false, audience.Subject);
        }
    }

    private void SupersedeSubject(string destination, string subject)
    {
        SupersededSubjects.Add((destination, subject));
        if (Queued.TryGetValue(destination, out var rows))
            rows.RemoveAll(row => row.Subject == subject);
    }

    private bool IsInOutage(string destination, long nowMs) =>
        _failing.TryGetValue(destination, out var row) && nowMs - row.FailingSinceMs > OutageMs;

    private void QueuePdu(string destination, string room, DecodedRecord record)
    {
        if (IsInOutage(destination, record.Record.CreatedMs))
        {
            Superseded.Add((destination, room));
            if (Queued.TryGetValue(destination, out var rows))
                rows.RemoveAll(row => row.IsPdu && row.Room == room);
        }
        Queue(destination, room, record, isPdu: true);
    }

    private void Queue(string destination, string? room, DecodedRecord record, bool isPdu, string? subject = null)
    {
        var position = (long)record.Record.Position.Value;
        if (destination == us || position <= _skipUpTo.GetValueOrDefault(destination))
            return;
        if (!Queued.TryGetValue(destination, out var rows))
            Queued.Add(destination, rows = []);
        rows.Add(new QueueRow(
            position,
            room,
            record.Record.Stream.Value,
            record.Record.Revision,
            isPdu,
            record.Record.CreatedMs,
            subject));
    }

    private void Deliver(string destination, long upTo)
    {
        DeliveredUpTo[destination] = upTo;
        if (Queued.TryGetValue(destination, out var rows))
            rows.RemoveAll(row => row.Position <= upTo);
    }

    private bool SaysJoin(string eventId) => plan.Joins.Contains(eventId) || OlderJoins.Contains(eventId);

    private void SetMember(string room, string user, bool isJoined)
    {
        var isChanged = isJoined ? _joined.Add((room, user)) : _joined.Remove((room, user));
        // What is no user id is nobody's server's.
        if (!isChanged || !UserId.TryParse(user, out var userId))
            return;
        ChangedMembers.Add((room, user));
        var hosts = HostsOf(room);
        var server = userId.Server.Value;
        var count = hosts.GetValueOrDefault(server) + (isJoined ? 1 : -1);
        if (count > 0)
            hosts[server] = count;
        else
            hosts.Remove(server);
        if (!isJoined && server != us)
            Parted.Add(user);
        if (isJoined && server == us)
            _joinedRooms.Add((user, room));
        if (count <= 0 && server == us)
            LeftRooms.Add(room);
        ChangedHosts.Add((room, server));
        if (!plan.Sharers.Contains(user))
            return;
        if (isJoined)
            RoomsOf(user).Add(room);
        else
            RoomsOf(user).Remove(room);
    }

    private Dictionary<string, long> HostsOf(string room)
    {
        if (!_roomToHosts.TryGetValue(room, out var hosts))
            _roomToHosts.Add(room, hosts = new(StringComparer.Ordinal));
        return hosts;
    }

    private HashSet<string> RoomsOf(string user)
    {
        if (!_userToRooms.TryGetValue(user, out var rooms))
            _userToRooms.Add(user, rooms = new(StringComparer.Ordinal));
        return rooms;
    }
}

/// <summary>A fact that waits for a server.</summary>
internal sealed record QueueRow(
    long Position,
    string? Room,
    string Stream,
    long Revision,
    bool IsPdu,
    long RecordedMs,
    string? Subject);

/// <summary>How a server was last found.</summary>
internal sealed record DestinationRow(
    long DeliveredUpTo, int Failures, long FailingSinceMs, long RetryAtMs, string? Reason);
