using System.Collections.Concurrent;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.Roomserver;
using Matrix.EventSourced.Commands.Roomserver.Policy;
using Matrix.EventSourced.Commands.Roomserver.ThirdParty;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.Roomserver;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.RoomVersions;
using Matrix.EventSourced.Protocol.State;

namespace Matrix.EventSourced.Commands.Tests.Roomserver;

/// <summary>Randomness from a seed.</summary>
internal sealed class SeededRandom(int seed) : IRandom
{
    private readonly Lock _lock = new();
    private readonly Random _random = new(seed);

    public void Fill(Span<byte> destination)
    {
        lock (_lock)
            _random.NextBytes(destination);
    }
}

/// <summary>A state store in memory that counts its writes.</summary>
internal sealed class MemoryStateNodes : IStateNodeStore
{
    private readonly ConcurrentDictionary<StateRoot, ReadOnlyMemory<byte>> _hashToBytes = new();

    public int Count => _hashToBytes.Count;

    public ValueTask<ReadOnlyMemory<byte>?> FindAsync(StateRoot hash) =>
        new(_hashToBytes.TryGetValue(hash, out var bytes) ? bytes : (ReadOnlyMemory<byte>?)null);

    public ValueTask WriteAsync(IReadOnlyList<KeyValuePair<StateRoot, ReadOnlyMemory<byte>>> nodes)
    {
        foreach (var (hash, bytes) in nodes)
            _hashToBytes.TryAdd(hash, bytes);
        return ValueTask.CompletedTask;
    }

    public void Lose() => _hashToBytes.Clear();
}

/// <summary>A log that lets a test step in before an append.</summary>
internal sealed class FaultyLog(IEventStore inner) : IEventStore
{
    /// <summary>Called before each append with its stream; may append itself, or throw.</summary>
    public Func<StreamName, ValueTask>? BeforeAppend { get; set; }

    public int Appends { get; private set; }

    public IEventStore Inner => inner;

    public async ValueTask<AppendResult> AppendAsync(
        StreamName stream,
        ExpectedRevision expected,
        IReadOnlyList<NewRecord> records,
        Durability durability = Durability.Durable,
        CancellationToken cancellationToken = default)
    {
        if (BeforeAppend is { } step)
            await step(stream);
        Appends++;
        return await inner.AppendAsync(stream, expected, records, durability, cancellationToken);
    }

    public ValueTask SetStreamMetadataAsync(
        StreamName stream, StreamMetadata metadata, CancellationToken cancellationToken = default) =>
        inner.SetStreamMetadataAsync(stream, metadata, cancellationToken);

    public ValueTask<AppendResult> DeleteAsync(
        StreamName stream, ExpectedRevision expected, CancellationToken cancellationToken = default) =>
        inner.DeleteAsync(stream, expected, cancellationToken);

    public ValueTask<AppendResult> TombstoneAsync(
        StreamName stream, ExpectedRevision expected, CancellationToken cancellationToken = default) =>
        inner.TombstoneAsync(stream, expected, cancellationToken);

    public ValueTask<StreamState> ReadStreamStateAsync(
        StreamName stream, CancellationToken cancellationToken = default) =>
        inner.ReadStreamStateAsync(stream, cancellationToken);

    public ValueTask<LogPosition> ReadHeadAsync(CancellationToken cancellationToken = default) =>
        inner.ReadHeadAsync(cancellationToken);

    public IAsyncEnumerable<LogRecord> ReadStreamAsync(
        StreamName stream,
        long? fromRevision,
        ReadDirection direction,
        long maxCount,
        CancellationToken cancellationToken = default) =>
        inner.ReadStreamAsync(stream, fromRevision, direction, maxCount, cancellationToken);

    public IAsyncEnumerable<LogRecord> ReadAllAsync(
        LogPosition? from,
        ReadDirection direction,
        long maxCount,
        RecordFilter? filter = null,
        CancellationToken cancellationToken = default) =>
        inner.ReadAllAsync(from, direction, maxCount, filter, cancellationToken);

    public IAsyncEnumerable<SubscriptionMessage> SubscribeAsync(
        LogPosition after, RecordFilter? filter = null, CancellationToken cancellationToken = default) =>
        inner.SubscribeAsync(after, filter, cancellationToken);

    public ValueTask<StreamMetadata> ReadStreamMetadataAsync(
        StreamName stream, CancellationToken cancellationToken = default) =>
        inner.ReadStreamMetadataAsync(stream, cancellationToken);
}

/// <summary>The Roomserver's ports, answered by reading the log.</summary>
internal sealed class LogPorts(IEventReader log)
    : IPduStore, ITransactionLog, IRoomGraph, IRoomResidency, IMembershipLookup, IProfileLookup, IRoomSettings
{
    public Dictionary<UserId, MemberProfile> Profiles { get; set; } = [];

    public ValueTask<bool> BlocksInvitesAsync(UserId userId) => new(false);

    public ValueTask CarryOverAsync(UserId userId, RoomId from, RoomId to, CommandContext context) =>
        ValueTask.CompletedTask;

    public async ValueTask<IReadOnlyList<StoredPdu>> FindAsync(IReadOnlyList<EventId> eventIds)
    {
        var facts = await AllAsync();
        return [.. facts
            .Where(fact => eventIds.Contains(fact.EventId))
            .Select(fact => new StoredPdu(
                fact.EventId, fact.RoomId, fact.RoomVersion, fact.Pdu.Utf8, fact.Disposition, false)
            {
                StateBefore = fact.StateBefore,
            })
            .GroupBy(pdu => pdu.EventId)
            .Select(facts => facts.Last())];
    }

    public async ValueTask<EventId?> FindAsync(
        RoomId roomId, UserId userId, string deviceId, string scope, string transactionId)
    {
        foreach (var fact in await AllAsync())
        {
            if (fact.RoomId == roomId && fact.DeviceId == deviceId
                && fact.TransactionScope == scope && fact.TransactionId == transactionId
                && fact.Pdu.ToString().Contains($"\"sender\":\"{userId}\"", StringComparison.Ordinal))
                return fact.EventId;
        }
        return null;
    }

    public async ValueTask<IReadOnlyList<RoomId>> JoinedRoomsAsync(UserId userId)
    {
        var joined = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var fact in await AllAsync())
        {
            if (!fact.StateAdded.Any(entry => entry.Tuple == new StateTuple("m.room.member", userId.Value)))
                continue;
            if (fact.Pdu.ToString().Contains("\"membership\":\"join\"", StringComparison.Ordinal))
                joined.Add(fact.RoomId.Value);
            else
                joined.Remove(fact.RoomId.Value);
        }
        return [.. joined.Select(RoomId.Parse)];
    }

    public async ValueTask<IReadOnlyList<StateEntry>> CitedByAsync(RoomId roomId, EventId eventId) =>
        [.. (await PdusAsync(roomId))
            .Where(entry => entry.Pdu.StateTuple is not null && entry.Pdu.AuthEvents.Contains(eventId))
            .Select(entry => new StateEntry(entry.Pdu.StateTuple!.Value, entry.Pdu.EventId))
            .Reverse()];

    public async ValueTask<IReadOnlyList<EventId>> MissingLinksAsync(RoomId roomId)
    {
        var pdus = (await PdusAsync(roomId)).Where(entry => entry.Disposition != PduDisposition.Outlier).ToList();
        var known = pdus.Select(entry => entry.Pdu.EventId).ToHashSet();
        return [.. pdus
            .Where(entry => entry.Disposition is PduDisposition.Accepted or PduDisposition.Backfilled)
            .SelectMany(entry => entry.Pdu.PrevEvents).Where(id => !known.Contains(id)).Distinct()];
    }

    public async ValueTask<IReadOnlyList<RedactionInWaiting>> RedactionsInWaitingAsync(RoomId roomId) =>
        [.. (await FactsOfAsync(roomId))
            .Where(fact => fact.RedactsApplied is null)
            .Where(fact => fact.Disposition is PduDisposition.Accepted or PduDisposition.Backfilled)
            .Select(fact => PduParser.ParseStored(fact.Pdu.Utf8, RoomVersionRules.Find(fact.RoomVersion)!, fact.EventId))
            .Where(pdu => pdu is { Type: EventTypes.Redaction, StateKey: null, Redacts: not null })
            .Select(pdu => new RedactionInWaiting(pdu.Redacts!.Value, pdu.EventId))];

    public async ValueTask<IReadOnlyList<ServerName>> ServersAsync(RoomId roomId)
    {
        var state = new Dictionary<StateTuple, EventId>();
        foreach (var fact in await FactsOfAsync(roomId))
        {
            foreach (var entry in fact.StateAdded)
                state[entry.Tuple] = entry.EventId;
        }
        var pdus = await PdusAsync(roomId);
        return [.. state
            .Where(entry => entry.Key.Type == "m.room.member"
                && pdus.Find(pdu => pdu.Pdu.EventId == entry.Value).Pdu.Membership == "join")
            .Select(entry => UserId.Parse(entry.Key.StateKey).Server)
            .Distinct()];
    }

    public async ValueTask<EventId?> FindMembershipAsync(RoomId roomId, UserId userId)
    {
        var last = (await PdusAsync(roomId)).FindLast(
            pdu => pdu.Pdu.StateTuple == new StateTuple("m.room.member", userId.Value)).Pdu;
        return last?.EventId;
    }

    private async Task<List<(Pdu Pdu, PduDisposition Disposition)>> PdusAsync(RoomId roomId) =>
        [.. (await FactsOfAsync(roomId)).Select(fact => (
            PduParser.ParseStored(fact.Pdu.Utf8, RoomVersionRules.Find(fact.RoomVersion)!, fact.EventId),
            fact.Disposition))];

    public ValueTask<MemberProfile> FindAsync(UserId userId) =>
        new(Profiles.GetValueOrDefault(userId, MemberProfile.Empty));

    public async Task<List<PduRecorded>> FactsOfAsync(RoomId room) =>
        [.. (await AllAsync()).Where(fact => fact.RoomId == room)];

    public async Task<List<PduRecorded>> AllAsync()
    {
        var facts = new List<PduRecorded>();
        await foreach (var record in log.ReadAllAsync(null, ReadDirection.Forwards, long.MaxValue))
        {
            if (record.Type == FactNames.PduRecorded)
                facts.Add((PduRecorded)FactCodec.Decode(record.Type, record.Data));
        }
        return facts;
    }
}

/// <summary>A world without other servers.</summary>
internal sealed class NoRemoteRooms : IRemoteRooms
{
    private static readonly MatrixError Unreachable = new(502, ErrCodes.Unknown, "There are no other servers here.");

    public ValueTask<MatrixError?> JoinAsync(RemoteMembership join, CancellationToken cancellationToken) =>
        new(Unreachable);

    public ValueTask<MatrixError?> KnockAsync(RemoteMembership knock, CancellationToken cancellationToken) =>
        new(Unreachable);

    public ValueTask<MatrixError?> LeaveAsync(RemoteMembership leave, CancellationToken cancellationToken) =>
        new(Unreachable);

    public ValueTask TakeAsync(CommandContext context, Pdu pdu, CancellationToken cancellationToken) => default;

    public ValueTask<(Pdu? Signed, MatrixError? Error)> InviteAsync(
        Pdu invite, RawJson state, CancellationToken cancellationToken) =>
        new((null, Unreachable));

    public ValueTask<MatrixError?> ExchangeThirdPartyInviteAsync(ServerName server, RoomId roomId, RawJson invite) =>
        new(Unreachable);

    public ValueTask<(RoomId? RoomId, IReadOnlyList<ServerName> Servers)> ResolveAliasAsync(
        RoomAlias alias, CancellationToken cancellationToken) =>
        new((null, []));
}

/// <summary>A world without policy servers.</summary>
internal sealed class NoPolicyServers : IPolicyServers
{
    public ValueTask<PolicyAnswer> AskAsync(PolicyServer server, Pdu pdu) => new(new PolicyAnswer.Unreachable(
        new MatrixError(502, ErrCodes.Unknown, "There are no policy servers here.")));
}

/// <summary>A world without identity servers.</summary>
internal sealed class NoIdentityServers : IIdentityServers
{
    private static readonly MatrixError Unreachable = new(502, ErrCodes.Unknown, "There are no identity servers here.");

    public ValueTask<(UserId? Bound, MatrixError? Error)> LookUpAsync(ThirdPartyTarget target) => new((null, Unreachable));

    public ValueTask<(StoredInvite? Stored, MatrixError? Error)> StoreInviteAsync(
        ThirdPartyTarget target, ShownInvite invite) => new((null, Unreachable));

    public ValueTask<bool> IsKeyValidAsync(string validityUrl, string publicKey) => new(false);
}
