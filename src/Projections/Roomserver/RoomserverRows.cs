using System.Security.Cryptography;
using System.Text;
using Matrix.EventSourced.Facts.PublicRooms;
using Matrix.EventSourced.Facts.Roomserver;
using Matrix.EventSourced.Facts.UserApi;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.RoomVersions;
using Matrix.EventSourced.Protocol.State;

namespace Matrix.EventSourced.Projections.Roomserver;

/// <summary>What a batch of facts comes to: each table's rows, each key once, in the order of the log.</summary>
/// <remarks>
/// Pure: no I/O. What only the tables know (which event a state event took the place of, the content of a redacted PDU
/// of an
/// earlier batch) is marked for the writer to look up. Any split of the log into batches ends in the same rows.
/// </remarks>
internal sealed class RoomserverRows
{
    private readonly Dictionary<string, PduRow> _pdus = [];
    private readonly Dictionary<(string Room, StateTuple Tuple), List<StateRow>> _state = [];
    private readonly Dictionary<(string User, string Room), MembershipRow> _memberships = [];

    /// <summary>Each PDU once, as of its last fact, in the order of first mention.</summary>
    public List<PduRow> Pdus { get; } = [];

    /// <summary>Every value that a tuple took within the batch, per tuple in order.</summary>
    public IEnumerable<List<StateRow>> StateByTuple => _state.Values;

    public IReadOnlyDictionary<(string User, string Room), MembershipRow> Memberships => _memberships;
    public List<(PduRow Citing, long Position, string AuthEventId)> AuthEdges { get; } = [];

    /// <summary>PDUs of other servers that have a place in the room's graph.</summary>
    public List<PduRow> Received { get; } = [];

    public List<RedactionRow> Redactions { get; } = [];

    /// <summary>Redactions without effect when they came.</summary>
    public List<(PduRow Redaction, string Target, long Position)> RedactionsInWaiting { get; } = [];
    public List<RoomRow> Rooms { get; } = [];
    public Dictionary<string, AliasRow> Aliases { get; } = [];
    public Dictionary<string, (bool IsPublic, long Position)> PublicRooms { get; } = [];

    /// <summary>Whose account data changed, and where: no row, but long polls end.</summary>
    public List<(string User, long Position)> AccountDataChanges { get; } = [];

    public bool HasState => _state.Count > 0;

    public PduRow? FindPdu(string eventId) => _pdus.GetValueOrDefault(eventId);

    public static RoomserverRows From(IReadOnlyList<DecodedRecord> facts)
    {
        var rows = new RoomserverRows();
        foreach (var (record, fact, _) in facts)
            rows.Add((long)record.Position.Value, fact);
        return rows;
    }

    private void Add(long position, Facts.IFact fact)
    {
        switch (fact)
        {
            case PduRecorded recorded:
                AddPdu(position, recorded);
                break;
            case AliasCreated created:
                Aliases[created.Alias.Value] = new(created.RoomId.Value, created.Creator.Value, position);
                break;
            case AliasDeleted deleted:
                Aliases[deleted.Alias.Value] = new(null, null, position);
                break;
            case RoomVisibilityChanged changed:
                PublicRooms[changed.RoomId.Value] = (changed.IsPublic, position);
                break;
            case RoomForgotten forgotten:
                Forget(forgotten.UserId.Value, forgotten.RoomId.Value);
                break;
            case AccountDataSet set:
                AccountDataChanges.Add((set.UserId.Value, position));
                break;
        }
    }

    private void AddPdu(long position, PduRecorded fact)
    {
        var rules = RoomVersionRules.Find(fact.RoomVersion)
            ?? throw new InvalidOperationException($"Room version {fact.RoomVersion} at {position} is unknown.");
        var pdu = PduParser.ParseStored(fact.Pdu.Utf8, rules, fact.EventId);
        var row = new PduRow(position, fact, pdu);
        var replaces = default(StateRow);
        var isOwnState = false;
        foreach (var tuple in fact.StateRemoved)
            SetState(fact.RoomId.Value, tuple, null, null, position);
        foreach (var entry in fact.StateAdded)
        {
            var isOwn = entry.EventId == fact.EventId;
            var membership = isOwn ? row.Membership : _pdus.GetValueOrDefault(entry.EventId.Value)?.Membership;
            var before = SetState(fact.RoomId.Value, entry.Tuple, entry.EventId.Value, membership, position);
            if (isOwn)
                (isOwnState, replaces) = (true, before);
        }
        if (isOwnState)
            row.TookPlaceOf(replaces);
        AddMembership(position, fact, row, isOwnState);
        Record(row);
        AddGraph(row);
        if (BringsRoom(fact, pdu))
            Rooms.Add(new(row.RoomId, row.RoomVersion, position));
        foreach (var (target, by) in fact.Redactions)
            Redactions.Add(new(target.Value, by.Value, row.RoomVersion));
        if (fact is { RedactsApplied: null, Disposition: PduDisposition.Accepted or PduDisposition.Backfilled }
            && pdu is { Type: EventTypes.Redaction, StateKey: null, Redacts: { } waitsFor })
            RedactionsInWaiting.Add((row, waitsFor.Value, position));
    }

    /// <summary>The room is here from its create event on, or from the first join of ours by another server.</summary>
    private static bool BringsRoom(PduRecorded fact, Pdu pdu) =>
        fact.Disposition == PduDisposition.Accepted
        && (pdu.IsCreate || (fact.SendOn is null && pdu.Membership == "join"));

    private void AddGraph(PduRow row)
    {
        if (row.StateKey is not null)
        {
            foreach (var authEvent in row.Pdu.AuthEvents)
                AuthEdges.Add((row, row.Position, authEvent.Value));
        }
        // What this server makes cites what it has.
        if (row.Fact is { Disposition: not PduDisposition.Outlier, SendOn: null })
            Received.Add(row);
    }

    /// <summary>A PDU may be recorded twice (an outlier that is accepted later): the last disposition holds, from its
    /// own position on.</summary>
    private void Record(PduRow row)
    {
        if (_pdus.TryGetValue(row.EventId, out var earlier))
        {
            row.Keep(earlier);
            Pdus[Pdus.IndexOf(earlier)] = row;
        }
        else
        {
            Pdus.Add(row);
        }
        _pdus[row.EventId] = row;
    }

    private StateRow? SetState(string room, StateTuple tuple, string? eventId, Membership? membership, long position)
    {
        if (!_state.TryGetValue((room, tuple), out var values))
            _state[(room, tuple)] = values = [];
        var before = values.Count > 0 ? values[^1] : null;
        if (before is not null)
            before.ToPosition = position;
        values.Add(new(room, tuple, eventId, membership, position));
        return before;
    }

    /// <summary>
    /// Memberships follow the current state. An invite or knock to a room that this server is not in has no state
    /// here: there the PDU itself,
    /// an outlier with stripped state, is all that is known.
    /// </summary>
    private void AddMembership(long position, PduRecorded fact, PduRow row, bool isOwnState)
    {
        foreach (var tuple in fact.StateRemoved)
        {
            if (tuple.Type == "m.room.member")
                SetMembership(tuple.StateKey, row.RoomId, Membership.Leave, row.EventId, position);
        }
        foreach (var entry in fact.StateAdded)
        {
            if (entry.Tuple.Type != "m.room.member")
                continue;
            var membership = MembershipOf(entry, row);
            SetMembership(entry.Tuple.StateKey, row.RoomId, membership, entry.EventId.Value, position);
        }
        var isOutside = !isOwnState && fact is { Disposition: PduDisposition.Outlier, StrippedState: not null };
        if (isOutside && row.Membership is { } outside)
            SetMembership(row.StateKey!, row.RoomId, outside, row.EventId, position);
    }

    private void SetMembership(string user, string room, Membership? membership, string eventId, long position)
    {
        if (!_memberships.TryGetValue((user, room), out var row))
            _memberships[(user, room)] = row = new();
        row.Set(membership, eventId, position);
    }

    /// <summary>What a state entry's PDU says; null when only the table knows it.</summary>
    private Membership? MembershipOf(StateEntry entry, PduRow row) => entry.EventId == row.Fact.EventId
        ? row.Membership
        : _pdus.GetValueOrDefault(entry.EventId.Value)?.Membership;

    private void Forget(string user, string room)
    {
        if (!_memberships.TryGetValue((user, room), out var row))
            _memberships[(user, room)] = row = new();
        row.IsForgotten = true;
    }
}

/// <summary>A row of <c>pdus</c>.</summary>
internal sealed class PduRow
{
    public PduRow(long position, PduRecorded fact, Pdu pdu)
    {
        // Of history that was fetched, what was fetched later comes first.
        Position = fact.Disposition == PduDisposition.Backfilled ? -position : position;
        Fact = fact;
        Pdu = pdu;
        Json = fact.Pdu.Utf8;
        EventId = fact.EventId.Value;
        RoomId = fact.RoomId.Value;
        HasUrl = pdu.FindContentString("url"u8) is not null;
        if (pdu.StateKey is not null)
            Membership = Memberships.Find(pdu.Membership);
        if (fact is { TransactionId: { } txn, TransactionScope: { } scope })
            TransactionKey = TransactionKeys.Of(RoomId, pdu.Sender.Value, fact.DeviceId ?? string.Empty, scope, txn);
    }

    public PduRecorded Fact { get; }
    public Pdu Pdu { get; }
    public string EventId { get; }
    public string RoomId { get; }
    public string RoomVersion => Fact.RoomVersion;
    public string? StateKey => Pdu.StateKey;
    public long Position { get; private set; }

    /// <summary>For history that was fetched: the PDU that led to it; filled in before the row is written.</summary>
    public long? HistoryAnchor { get; set; }

    /// <summary>See <see cref="TimelinePlace"/>.</summary>
    public long Anchor => Position > 0 ? Position : HistoryAnchor ?? TimelinePlace.FirstAnchor;

    /// <summary>Whether something before it was not here when it came; known once the row is written.</summary>
    public bool IsAfterGap { get; set; }
    public bool HasUrl { get; private set; }
    public Membership? Membership { get; }
    public long? TransactionKey { get; }
    public ReadOnlyMemory<byte> Json { get; private set; }
    public string? RedactedBy { get; private set; }

    /// <summary>For history that was fetched: the room's visibility at it; filled in before the row is
    /// written.</summary>
    public HistoryVisibility? Visibility { get; set; }

    /// <summary>The state event whose place this one took, as far as the batch knows.</summary>
    public string? Replaces { get; set; }

    /// <summary>Whether only the table knows it.</summary>
    public bool ReplacesIsInTable { get; private set; }

    public void TookPlaceOf(StateRow? before)
    {
        Replaces = before?.EventId;
        ReplacesIsInTable = before is null;
    }

    public void Keep(PduRow earlier)
    {
        if (earlier.Fact.Disposition == PduDisposition.Accepted)
            Position = earlier.Position;
        if (earlier.RedactedBy is not null)
            Redact(earlier.Json, earlier.RedactedBy);
    }

    public void Redact(ReadOnlyMemory<byte> json, string redactedBy)
    {
        Json = json;
        RedactedBy = redactedBy;
        HasUrl = false;
    }

    public StoredEvent ToStoredEvent() => new()
    {
        RoomId = RoomId,
        EventId = EventId,
        RoomVersion = RoomVersion,
        Position = Position,
        Type = Pdu.Type,
        StateKey = StateKey,
        Sender = Pdu.Sender.Value,
        OriginServerTs = Pdu.OriginServerTs,
        HasUrl = HasUrl,
        Membership = Membership,
        Json = Json,
        DeviceId = Fact.DeviceId,
        TransactionId = Fact.TransactionId,
        IsDelayed = Fact.TransactionScope == TransactionScopes.DelayedEvent,
        Replaces = Replaces,
        RedactedBy = RedactedBy,
    };
}

/// <summary>A row of <c>state</c>: one value of one tuple. EventId null: the tuple holds nothing from here
/// on.</summary>
internal sealed class StateRow(
    string roomId, StateTuple tuple, string? eventId, Membership? membership, long fromPosition)
{
    public string RoomId => roomId;
    public StateTuple Tuple => tuple;
    public string? EventId => eventId;
    public Membership? Membership => membership;
    public long FromPosition => fromPosition;
    public long ToPosition { get; set; } = RoomserverSchema.OpenEnd;
}

/// <summary>The last membership of a user in a room within a batch.</summary>
/// <remarks>Shape: Since is where the run of equal values began; IsOneRun says that the run may have begun before the
/// batch.</remarks>
internal sealed class MembershipRow
{
    public bool IsSet { get; private set; }
    public Membership? Value { get; private set; }
    public string? EventId { get; private set; }
    public long Position { get; private set; }
    public long Since { get; private set; }
    public bool IsOneRun { get; private set; }
    public bool IsForgotten { get; set; }

    public void Set(Membership? value, string eventId, long position)
    {
        if (!IsSet)
            (Since, IsOneRun) = (position, true);
        else if (Value != value)
            (Since, IsOneRun) = (position, false);
        (IsSet, Value, EventId, Position, IsForgotten) = (true, value, eventId, position, false);
    }
}

internal sealed record RedactionRow(string Target, string RedactedBy, string RedactionRoomVersion);

internal sealed record RoomRow(string RoomId, string RoomVersion, long Position);

internal sealed record AliasRow(string? RoomId, string? Creator, long Position);

/// <summary>Makes one number of what a transaction id is unique within, so that its index stays small; a hit is
/// checked against the row.</summary>
internal static class TransactionKeys
{
    public static long Of(string roomId, string userId, string deviceId, string scope, string transactionId)
    {
        var text = Encoding.UTF8.GetBytes(string.Join('\0', roomId, userId, deviceId, scope, transactionId));
        Span<byte> hash = stackalloc byte[32];
        SHA256.HashData(text, hash);
        return BitConverter.ToInt64(hash);
    }
}
