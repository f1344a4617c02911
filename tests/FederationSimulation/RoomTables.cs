using Matrix.EventSourced.Commands.Roomserver;
using Matrix.EventSourced.Facts.Roomserver;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.RoomVersions;
using Matrix.EventSourced.Protocol.State;

namespace Matrix.EventSourced.FederationSimulation.Tests;

/// <summary>The Roomserver's tables of one server, in memory: the rows are made by the projection itself, and the statements
/// that write them are followed here.</summary>
internal sealed class RoomTables
{
    private readonly Dictionary<EventId, Row> _pdus = [];
    private readonly Dictionary<string, List<(string AuthEvent, StateEntry Citing)>> _roomToAuthEdges = new(StringComparer.Ordinal);
    private readonly Dictionary<string, HashSet<(string EventId, string CitedBy)>> _roomToMissing = new(StringComparer.Ordinal);
    private readonly Dictionary<string, List<(EventId Target, EventId Redaction)>> _roomToRedactions = new(StringComparer.Ordinal);
    private readonly SortedDictionary<(string User, string Room), (Membership Value, EventId EventId)> _memberships = [];
    private readonly Dictionary<string, string> _roomToVersion = new(StringComparer.Ordinal);
    private readonly Dictionary<long, Row> _transactions = [];

    /// <summary>A row of <c>pdus</c>.</summary>
    internal sealed class Row(PduRow made)
    {
        public PduRow Made { get; set; } = made;

        public ReadOnlyMemory<byte> Json { get; set; } = made.Json;

        public bool IsRedacted { get; set; } = made.RedactedBy is not null;

        public long Position { get; set; } = made.Position;

        public PduDisposition Disposition => Made.Fact.Disposition;

        public bool IsShown => Disposition is PduDisposition.Accepted or PduDisposition.Backfilled;
    }

    public void Apply(IReadOnlyList<DecodedRecord> batch)
    {
        var rows = RoomserverRows.From(batch);
        foreach (var redaction in rows.Redactions)
        {
            if (rows.FindPdu(redaction.Target) is { RedactedBy: null } inBatch)
                inBatch.Redact(Redaction.Redact(inBatch.Pdu), redaction.RedactedBy);
            if (_pdus.GetValueOrDefault(EventId.Parse(redaction.Target)) is { IsRedacted: false } target)
            {
                target.Json = Redaction.Redact(Parse(target));
                target.IsRedacted = true;
            }
        }
        foreach (var made in rows.Pdus)
            Upsert(made);
        foreach (var (citing, _, authEvent) in rows.AuthEdges)
        {
            var edge = (authEvent, new StateEntry(citing.Pdu.StateTuple!.Value, citing.Pdu.EventId));
            var edges = Of(_roomToAuthEdges, citing.RoomId);
            if (!edges.Contains(edge))
                edges.Add(edge);
        }
        foreach (var received in rows.Received)
            Link(received);
        foreach (var received in rows.Received)
            Unlink(received);
        foreach (var ((user, room), membership) in rows.Memberships.Where(entry => entry.Value.IsSet))
        {
            var eventId = EventId.Parse(membership.EventId!);
            var value = membership.Value ?? _pdus.GetValueOrDefault(eventId)?.Made.Membership ?? Membership.Leave;
            _memberships[(user, room)] = (value, eventId);
        }
        foreach (var (redaction, target, _) in rows.RedactionsInWaiting)
            Of(_roomToRedactions, redaction.RoomId).Add((EventId.Parse(target), redaction.Fact.EventId));
        foreach (var room in rows.Rooms)
            _roomToVersion.TryAdd(room.RoomId, room.RoomVersion);
    }

    public IReadOnlyList<RoomserverPdu> Find(IReadOnlyList<EventId> eventIds) =>
        [.. eventIds.Distinct().Where(_pdus.ContainsKey).Select(id => _pdus[id]).Select(row => new RoomserverPdu(
            row.Made.Fact.EventId, row.Made.Fact.RoomId, row.Made.RoomVersion, row.Json, row.Disposition, row.IsRedacted)
        {
            StateBefore = row.Made.Fact.StateBefore,
        })];

    public EventId? FindTransaction(RoomId roomId, UserId userId, string deviceId, string scope, string transactionId) =>
        _transactions.TryGetValue(TransactionKeys.Of(roomId.Value, userId.Value, deviceId, scope, transactionId), out var row)
            ? row.Made.Fact.EventId
            : null;

    public string? FindVersion(RoomId roomId) => _roomToVersion.GetValueOrDefault(roomId.Value);

    public IReadOnlyList<RoomId> JoinedRooms(UserId userId) =>
        [.. _memberships.Where(entry => entry.Key.User == userId.Value && entry.Value.Value == Membership.Join)
            .Select(entry => RoomId.Parse(entry.Key.Room))];

    public IReadOnlyList<UserId> Banned(RoomId roomId, int limit) =>
        [.. _memberships.Where(entry => entry.Key.Room == roomId.Value && entry.Value.Value == Membership.Ban)
            .Select(entry => UserId.Parse(entry.Key.User)).Take(limit)];

    public EventId? FindMembership(RoomId roomId, UserId userId) =>
        _memberships.TryGetValue((userId.Value, roomId.Value), out var found) ? found.EventId : null;

    public IReadOnlyList<StateEntry> CitedBy(RoomId roomId, EventId eventId) =>
        [.. Of(_roomToAuthEdges, roomId.Value).AsEnumerable().Reverse()
            .Where(edge => edge.AuthEvent == eventId.Value).Select(edge => edge.Citing)];

    public long NewsFromDepth(RoomId roomId) => MissingLinks(roomId).Count == 0
        ? 0
        : Of(_roomToMissing, roomId.Value).Select(link => _pdus[EventId.Parse(link.CitedBy)])
            .Where(row => row.Disposition == PduDisposition.Accepted).Select(row => row.Made.Pdu.Depth).DefaultIfEmpty().Min();

    private IEnumerable<(string EventId, string CitedBy)> MissingOf(RoomId roomId) =>
        Of(_roomToMissing, roomId.Value).Where(link => !IsHere(roomId.Value, EventId.Parse(link.EventId)));

    public IReadOnlyList<EventId> MissingLinks(RoomId roomId) =>
        [.. MissingOf(roomId).Where(link => _pdus[EventId.Parse(link.CitedBy)].IsShown)
            .Select(link => link.EventId).Distinct().Order(StringComparer.Ordinal).Select(EventId.Parse)];

    public IReadOnlyList<(EventId Target, EventId Redaction)> RedactionsInWaiting(RoomId roomId) =>
        [.. Of(_roomToRedactions, roomId.Value)];

    public IReadOnlyList<EventId> BackwardExtremities(RoomId roomId, int limit) =>
        [.. MissingOf(roomId).Select(link => _pdus[EventId.Parse(link.CitedBy)]).Distinct()
            .Where(row => row.IsShown).OrderBy(row => row.Position).ThenBy(row => row.Made.EventId, StringComparer.Ordinal)
            .Take(limit).Select(row => row.Made.Fact.EventId)];

    public (EventId EventId, long OriginServerTs)? FindNearest(RoomId roomId, long ts, bool isForwards)
    {
        var found = _pdus.Values
            .Where(row => row.Made.RoomId == roomId.Value && row.IsShown
                && (isForwards ? row.Made.Pdu.OriginServerTs >= ts : row.Made.Pdu.OriginServerTs <= ts))
            .OrderBy(row => (isForwards ? 1 : -1) * row.Made.Pdu.OriginServerTs)
            .ThenBy(row => (isForwards ? 1 : -1) * row.Position)
            .FirstOrDefault();
        return found is null ? null : (found.Made.Fact.EventId, found.Made.Pdu.OriginServerTs);
    }

    private void Upsert(PduRow made)
    {
        var eventId = made.Fact.EventId;
        if (!_pdus.TryGetValue(eventId, out var row))
        {
            _pdus[eventId] = row = new Row(made);
            if (made.TransactionKey is { } key)
                _transactions.TryAdd(key, row);
            return;
        }
        if (row.Disposition != PduDisposition.Accepted)
            row.Position = made.Position;
        row.Made = made;
        if (made.RedactedBy is not null && !row.IsRedacted)
            (row.Json, row.IsRedacted) = (made.Json, true);
    }

    private void Link(PduRow received)
    {
        var missing = Of(_roomToMissing, received.RoomId);
        foreach (var prevEvent in received.Pdu.PrevEvents)
        {
            if (!IsHere(received.RoomId, prevEvent) || (_pdus[prevEvent] is { Disposition: PduDisposition.Backfilled } row
                && received.Fact.Disposition == PduDisposition.Accepted && -row.Position > received.Position))
                missing.Add((prevEvent.Value, received.EventId));
        }
    }

    private void Unlink(PduRow received) => Of(_roomToMissing, received.RoomId).RemoveWhere(link =>
        link.EventId == received.EventId
        && !(received.Fact.Disposition == PduDisposition.Backfilled
            && _pdus[EventId.Parse(link.CitedBy)].Disposition == PduDisposition.Accepted));

    private bool IsHere(string roomId, EventId eventId) =>
        _pdus.TryGetValue(eventId, out var row) && row.Made.RoomId == roomId && row.Disposition != PduDisposition.Outlier;

    private static Pdu Parse(Row row) =>
        PduParser.ParseStored(row.Json, RoomVersionRules.Find(row.Made.RoomVersion)!, row.Made.Fact.EventId);

    private static T Of<T>(Dictionary<string, T> roomTo, string room)
        where T : new()
    {
        if (!roomTo.TryGetValue(room, out var found))
            roomTo[room] = found = new T();
        return found;
    }
}

/// <summary>The nodes of a server's states; written before the facts that name them.</summary>
internal sealed class NodeTable : IStateNodeStore, IStateNodeReader
{
    private readonly Dictionary<StateRoot, ReadOnlyMemory<byte>> _hashToBytes = [];

    public ValueTask<ReadOnlyMemory<byte>?> FindAsync(StateRoot hash) =>
        new(_hashToBytes.TryGetValue(hash, out var bytes) ? bytes : (ReadOnlyMemory<byte>?)null);

    public async ValueTask<ReadOnlyMemory<byte>> ReadAsync(StateRoot hash) =>
        await FindAsync(hash) ?? throw new InvalidOperationException($"The state node {hash} is not stored.");

    public ValueTask WriteAsync(IReadOnlyList<KeyValuePair<StateRoot, ReadOnlyMemory<byte>>> nodes)
    {
        foreach (var (hash, bytes) in nodes)
            _hashToBytes.TryAdd(hash, bytes);
        return ValueTask.CompletedTask;
    }
}
