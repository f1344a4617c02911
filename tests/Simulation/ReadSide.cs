using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.Roomserver;
using Matrix.EventSourced.Facts.Roomserver;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.RoomVersions;
using Matrix.EventSourced.Protocol.State;

namespace Matrix.EventSourced.Simulation.Tests;

/// <summary>One process's projection, in memory: it stands still until it is asked, and then sees what was in the log
/// when it was asked, and nothing more.</summary>
internal sealed class ReadSide(DecodedLog log, SimulatedLog process)
    : IPduStore, ITransactionLog, IRoomGraph, IRoomResidency, IMembershipLookup, IProfileLookup, IRoomSettings
{
    private readonly Dictionary<EventId, StoredPdu> _idToPdu = [];
    private readonly Dictionary<string, EventId> _transactions = new(StringComparer.Ordinal);
    private readonly Dictionary<RoomId, RoomRows> _rooms = [];
    private int _next;

    public ValueTask<bool> BlocksInvitesAsync(UserId userId) => new(false);

    public ValueTask CarryOverAsync(UserId userId, RoomId from, RoomId to, CommandContext context) =>
        ValueTask.CompletedTask;

    public async ValueTask<IReadOnlyList<StoredPdu>> FindAsync(IReadOnlyList<EventId> eventIds)
    {
        await WaitForHeadAsync();
        return [.. eventIds.Distinct().Where(_idToPdu.ContainsKey).Select(id => _idToPdu[id])];
    }

    public async ValueTask<EventId?> FindAsync(
        RoomId roomId, UserId userId, string deviceId, string scope, string transactionId)
    {
        await WaitForHeadAsync();
        return _transactions.TryGetValue($"{roomId} {userId} {deviceId} {scope} {transactionId}", out var found)
            ? found
            : null;
    }

    public async ValueTask<IReadOnlyList<StateEntry>> CitedByAsync(RoomId roomId, EventId eventId)
    {
        await WaitForHeadAsync();
        return [.. Enumerable.Reverse(RowsOf(roomId).Pdus)
            .Where(pdu => pdu.StateTuple is not null && pdu.AuthEvents.Contains(eventId))
            .Select(pdu => new StateEntry(pdu.StateTuple!.Value, pdu.EventId))];
    }

    public async ValueTask<IReadOnlyList<EventId>> MissingLinksAsync(RoomId roomId)
    {
        await WaitForHeadAsync();
        var rows = RowsOf(roomId);
        return [.. rows.Cited.Where(id => !rows.Linked.Contains(id))];
    }

    public async ValueTask<IReadOnlyList<RedactionInWaiting>> RedactionsInWaitingAsync(RoomId roomId)
    {
        await WaitForHeadAsync();
        return [.. RowsOf(roomId).RedactionsInWaiting];
    }

    public async ValueTask<IReadOnlyList<ServerName>> ServersAsync(RoomId roomId)
    {
        await WaitForHeadAsync();
        return [.. RowsOf(roomId).State
            .Where(entry => entry.Key.Type == EventTypes.Member && MembershipIn(entry.Value) == "join")
            .Select(entry => UserId.Parse(entry.Key.StateKey).Server)
            .Distinct()];
    }

    public async ValueTask<EventId?> FindMembershipAsync(RoomId roomId, UserId userId)
    {
        await WaitForHeadAsync();
        var rows = RowsOf(roomId);
        return rows.State.TryGetValue(new StateTuple(EventTypes.Member, userId.Value), out var found) ? found : null;
    }

    public async ValueTask<IReadOnlyList<RoomId>> JoinedRoomsAsync(UserId userId)
    {
        await WaitForHeadAsync();
        var tuple = new StateTuple(EventTypes.Member, userId.Value);
        return [.. _rooms
            .Where(room => room.Value.State.TryGetValue(tuple, out var id) && MembershipIn(id) == "join")
            .Select(room => room.Key)
            .Order()];
    }

    public ValueTask<MemberProfile> FindAsync(UserId userId) => new(MemberProfile.Empty);

    private async ValueTask WaitForHeadAsync()
    {
        await log.CatchUpAsync();
        var head = log.Facts.Count;
        await process.PauseAsync();
        while (_next < head)
            Apply(log.Facts[_next++]);
    }

    private string? MembershipIn(EventId eventId) => _idToPdu.TryGetValue(eventId, out var stored)
        ? PduParser.ParseStored(stored.Json, RoomVersionRules.Find(stored.RoomVersion)!, eventId).Membership
        : null;

    private RoomRows RowsOf(RoomId roomId)
    {
        if (!_rooms.TryGetValue(roomId, out var rows))
            _rooms[roomId] = rows = new RoomRows();
        return rows;
    }

    private void Apply(SeenFact seen)
    {
        var fact = seen.Fact;
        var rows = RowsOf(fact.RoomId);
        if (!_idToPdu.ContainsKey(fact.EventId))
            rows.Pdus.Add(seen.Pdu);
        _idToPdu[fact.EventId] = new StoredPdu(
            fact.EventId, fact.RoomId, fact.RoomVersion, fact.Pdu.Utf8, fact.Disposition, false)
        {
            StateBefore = fact.StateBefore,
        };
        foreach (var (target, _) in fact.Redactions)
        {
            if (!_idToPdu.TryGetValue(target, out var redacted) || redacted.IsRedacted)
                continue;
            var pdu = PduParser.ParseStored(redacted.Json, RoomVersionRules.Find(redacted.RoomVersion)!, target);
            _idToPdu[target] = redacted with { Json = Redaction.Redact(pdu), IsRedacted = true };
        }
        if (fact.RedactsApplied is null && fact.Disposition == PduDisposition.Accepted
            && seen.Pdu is { Type: EventTypes.Redaction, Redacts: { } waitsFor })
            rows.RedactionsInWaiting.Add(new(waitsFor, fact.EventId));
        if (fact.TransactionId is { } transaction)
        {
            _transactions.TryAdd(
                $"{fact.RoomId} {seen.Pdu.Sender} {fact.DeviceId} {fact.TransactionScope} {transaction}", fact.EventId);
        }
        foreach (var entry in fact.StateAdded)
            rows.State[entry.Tuple] = entry.EventId;
        foreach (var tuple in fact.StateRemoved)
            rows.State.Remove(tuple);
        if (fact.Disposition == PduDisposition.Outlier)
            return;
        rows.Linked.Add(fact.EventId);
        if (fact.Disposition is not (PduDisposition.Accepted or PduDisposition.Backfilled))
            return;
        foreach (var prevEvent in seen.Pdu.PrevEvents)
            rows.Cited.Add(prevEvent);
    }

    private sealed class RoomRows
    {
        public List<Pdu> Pdus { get; } = [];

        public Dictionary<StateTuple, EventId> State { get; } = [];

        public HashSet<EventId> Cited { get; } = [];

        public HashSet<EventId> Linked { get; } = [];

        public List<RedactionInWaiting> RedactionsInWaiting { get; } = [];
    }
}
