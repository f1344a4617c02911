using System.Collections.Concurrent;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.Roomserver;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.Roomserver;
using Matrix.EventSourced.Protocol.Identifiers;
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
        LogPosition? from, ReadDirection direction, long maxCount, CancellationToken cancellationToken = default) =>
        inner.ReadAllAsync(from, direction, maxCount, cancellationToken);

    public IAsyncEnumerable<SubscriptionMessage> SubscribeAsync(
        LogPosition after, RecordFilter? filter = null, CancellationToken cancellationToken = default) =>
        inner.SubscribeAsync(after, filter, cancellationToken);

    public ValueTask<StreamMetadata> ReadStreamMetadataAsync(
        StreamName stream, CancellationToken cancellationToken = default) =>
        inner.ReadStreamMetadataAsync(stream, cancellationToken);
}

/// <summary>The Roomserver's ports, answered by reading the log.</summary>
internal sealed class LogPorts(IEventReader log) : IPduStore, ITransactionLog, IMembershipLookup, IProfileLookup
{
    public Dictionary<UserId, MemberProfile> Profiles { get; set; } = [];

    public async ValueTask<IReadOnlyList<StoredPdu>> FindAsync(IReadOnlyList<EventId> eventIds)
    {
        var facts = await AllAsync();
        return [.. facts
            .Where(fact => eventIds.Contains(fact.EventId))
            .Select(fact => new StoredPdu(
                fact.EventId, fact.RoomId, fact.RoomVersion, fact.Pdu.Utf8, fact.Disposition, false))];
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
