using System.Runtime.CompilerServices;

namespace Matrix.EventSourced.EventStore.InMemory;

/// <summary>The log in memory: for tests and simulation, and the smallest correct example of an engine.</summary>
/// <remarks>
/// Ensures: everything of the port, in one lock; nothing runs in the background. Durability means nothing here. A
/// subscriber never falls behind.
/// Cost: memory for every record ever appended; bounds hide records and never free them.
/// </remarks>
public sealed class InMemoryEventStore(TimeProvider time) : IEventStore
{
    private const int SubscriptionPageMax = 256;

    private readonly Lock _lock = new();
    private readonly List<LogRecord> _records = [];
    private readonly Dictionary<string, Stream> _nameToStream = new(StringComparer.Ordinal);
    private TaskCompletionSource _grown = NewSignal();

    /// <summary>Called before anything is changed; an exception from it stands for a store that fails there.</summary>
    internal Action<string>? BeforeOperation { get; set; }

    public ValueTask<AppendResult> AppendAsync(
        StreamName stream,
        ExpectedRevision expected,
        IReadOnlyList<NewRecord> records,
        Durability durability = Durability.Durable,
        CancellationToken cancellationToken = default)
    {
        AppendRules.Check(records);
        cancellationToken.ThrowIfCancellationRequested();
        AppendResult result;
        TaskCompletionSource? grown = null;
        lock (_lock)
        {
            BeforeOperation?.Invoke("append");
            result = Append(stream, expected, records, ref grown);
        }
        grown?.SetResult();
        return ValueTask.FromResult(result);
    }

    public ValueTask SetStreamMetadataAsync(
        StreamName stream, StreamMetadata metadata, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        TaskCompletionSource? grown = null;
        lock (_lock)
        {
            BeforeOperation?.Invoke("set stream metadata");
            var holder = StreamOf(stream.Metadata);
            var current = holder.Records.Count == 0 ? ReadOnlyMemory<byte>.Empty : holder.Records[^1].Data;
            if (StreamMetadataJson.Change(stream, metadata, holder.Head + 1, current) is { } change)
                Append(stream.Metadata, ExpectedRevision.Any, [change], ref grown);
        }
        grown?.SetResult();
        return ValueTask.CompletedTask;
    }

    public ValueTask<AppendResult> DeleteAsync(
        StreamName stream, ExpectedRevision expected, CancellationToken cancellationToken = default) =>
        ValueTask.FromResult(Hide(stream, expected, forGood: false, cancellationToken));

    public ValueTask<AppendResult> TombstoneAsync(
        StreamName stream, ExpectedRevision expected, CancellationToken cancellationToken = default) =>
        ValueTask.FromResult(Hide(stream, expected, forGood: true, cancellationToken));

    public ValueTask<StreamState> ReadStreamStateAsync(
        StreamName stream, CancellationToken cancellationToken = default)
    {
        lock (_lock)
        {
            return ValueTask.FromResult(_nameToStream.TryGetValue(stream.Value, out var found)
                ? new StreamState(found.Actual, found.IsTombstoned)
                : new StreamState(null));
        }
    }

    public ValueTask<LogPosition> ReadHeadAsync(CancellationToken cancellationToken = default)
    {
        lock (_lock)
            return ValueTask.FromResult(Head);
    }

    public async IAsyncEnumerable<LogRecord> ReadStreamAsync(
        StreamName stream,
        long? fromRevision,
        ReadDirection direction,
        long maxCount,
        [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        await ValueTask.CompletedTask;
        List<LogRecord> found;
        lock (_lock)
        {
            var records = _nameToStream.TryGetValue(stream.Value, out var target) ? target.Records : [];
            var ordered = direction == ReadDirection.Forwards
                ? records.Where(record => record.Revision >= (fromRevision ?? 0))
                : records.AsEnumerable().Reverse().Where(record => record.Revision <= (fromRevision ?? long.MaxValue));
            found = [.. ordered.Where(IsVisible).Take(Clamp(maxCount))];
        }
        foreach (var record in found)
        {
            cancellationToken.ThrowIfCancellationRequested();
            yield return record;
        }
    }

    public async IAsyncEnumerable<LogRecord> ReadAllAsync(
        LogPosition? from,
        ReadDirection direction,
        long maxCount,
        RecordFilter? filter = null,
        [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        await ValueTask.CompletedTask;
        var effective = filter ?? RecordFilter.Default;
        List<LogRecord> found;
        lock (_lock)
        {
            // A position is the index of the record after it, so ranges are slices.
            var ordered = direction == ReadDirection.Forwards
                ? _records.Skip(IndexAfter(from ?? LogPosition.Start))
                : _records.Take(from is { } last ? IndexAfter(last) : _records.Count).Reverse();
            found = [.. ordered.Where(IsVisible).Where(effective.Passes).Take(Clamp(maxCount))];
        }
        foreach (var record in found)
        {
            cancellationToken.ThrowIfCancellationRequested();
            yield return record;
        }
    }

    public async IAsyncEnumerable<SubscriptionMessage> SubscribeAsync(
        LogPosition after,
        RecordFilter? filter = null,
        [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var effective = filter ?? RecordFilter.Default;
        var next = IndexAfter(after);
        var atHeadSince = -1;
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var (page, end, grown) = ReadPage(next);
            foreach (var record in page)
            {
                if (effective.Passes(record))
                    yield return new SubscriptionMessage.Recorded(record);
            }
            next = Math.Max(next, end);
            if (grown is null)
            {
                yield return new SubscriptionMessage.Checkpoint(new LogPosition((ulong)next));
                continue;
            }
            if (next != atHeadSince)
            {
                atHeadSince = next;
                yield return new SubscriptionMessage.CaughtUp(new LogPosition((ulong)next));
            }
            await grown.WaitAsync(cancellationToken);
        }
    }

    public ValueTask<StreamMetadata> ReadStreamMetadataAsync(
        StreamName stream, CancellationToken cancellationToken = default)
    {
        lock (_lock)
        {
            return ValueTask.FromResult(_nameToStream.TryGetValue(stream.Value, out var found)
                ? found.Metadata
                : new StreamMetadata());
        }
    }

    private LogPosition Head => new((ulong)_records.Count);

    private AppendResult Append(
        StreamName name,
        ExpectedRevision expected,
        IReadOnlyList<NewRecord> records,
        ref TaskCompletionSource? grown)
    {
        var target = StreamOf(name);
        var described = name.IsMetadata ? StreamOf(name.Described) : null;
        if (target.IsTombstoned || described?.IsTombstoned == true)
            return new AppendResult.Tombstoned();
        var known = records.Count(record => target.RecordIdToRecord.ContainsKey(record.RecordId));
        if (known == records.Count)
        {
            var original = target.RecordIdToRecord[records[^1].RecordId];
            return new AppendResult.Appended(original.Revision, original.Position);
        }
        if (known > 0 || !expected.Admits(target.Actual))
            return new AppendResult.Conflict(target.Actual);
        var createdMs = time.GetUtcNow().ToUnixTimeMilliseconds();
        foreach (var record in records)
        {
            var stored = new LogRecord(
                new LogPosition((ulong)_records.Count + 1),
                name,
                target.Head + 1,
                record.RecordId,
                record.Type,
                createdMs,
                record.Data,
                record.Metadata) { IsJson = record.IsJson };
            _records.Add(stored);
            target.Records.Add(stored);
            target.RecordIdToRecord.Add(record.RecordId, stored);
        }
        if (described is not null)
            described.Metadata = StreamMetadataJson.Read(records[^1].Data);
        grown = _grown;
        _grown = NewSignal();
        return new AppendResult.Appended(target.Head, Head);
    }

    private AppendResult Hide(
        StreamName name, ExpectedRevision expected, bool forGood, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        lock (_lock)
        {
            BeforeOperation?.Invoke(forGood ? "tombstone" : "delete");
            var target = StreamOf(name);
            if (target.IsTombstoned)
                return new AppendResult.Tombstoned();
            if (!expected.Admits(target.Actual))
                return new AppendResult.Conflict(target.Actual);
            target.First = target.Head + 1;
            target.IsTombstoned = forGood;
            return new AppendResult.Appended(target.Head, Head);
        }
    }

    /// <summary>What stands from an index on, where that ends, and, at the head, the signal that tells when there is
    /// more.</summary>
    private (List<LogRecord> Page, int End, Task? Grown) ReadPage(int start)
    {
        lock (_lock)
        {
            var end = Math.Min(_records.Count, start + SubscriptionPageMax);
            List<LogRecord> page = start >= end ? [] : [.. _records[start..end].Where(IsVisible)];
            return (page, end, start >= _records.Count || end == _records.Count ? _grown.Task : null);
        }
    }

    private bool IsVisible(LogRecord record)
    {
        var stream = _nameToStream[record.Stream.Value];
        return StreamBounds.IsVisible(
            record.Revision, record.CreatedMs, stream.First, stream.Head, stream.Metadata, time.GetUtcNow(
                ).ToUnixTimeMilliseconds());
    }

    private Stream StreamOf(StreamName name)
    {
        if (!_nameToStream.TryGetValue(name.Value, out var stream))
            _nameToStream.Add(name.Value, stream = new Stream { Metadata = StreamBounds.Of(name) });
        return stream;
    }

    private static int IndexAfter(LogPosition position) => (int)Math.Min(position.Value, int.MaxValue);

    private static int Clamp(long maxCount) => (int)Math.Clamp(maxCount, 0, int.MaxValue);

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private sealed class Stream
    {
        public List<LogRecord> Records { get; } = [];

        public Dictionary<Guid, LogRecord> RecordIdToRecord { get; } = [];

        public StreamMetadata Metadata { get; set; } = new();

        /// <summary>The first revision that a deletion left.</summary>
        public long First { get; set; }

        public bool IsTombstoned { get; set; }

        public long Head => Records.Count - 1;

        public long? Actual => Head < First ? null : Head;
    }
}
