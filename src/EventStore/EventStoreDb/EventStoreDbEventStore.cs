using Microsoft.Extensions.Logging;

namespace Matrix.EventSourced.EventStore.EventStoreDb;

/// <summary>The log in EventStoreDB, a node or a cluster, over its gRPC protocol. See the README.md beside it for what
/// it promises.</summary>
/// <remarks>
/// <code>
///   append ──► pump ═══ one duplex stream ═══╗
///   read   ──► reader ── one call each ──────╬══► node (found again when it is lost)
///   subscribe ─► window ◄── follower ══ $all ╝
/// </code>
/// Errors: <see cref="EventStoreException"/> when there is no node for a bounded time, or when it refuses the user.
/// </remarks>
public sealed partial class EventStoreDbEventStore : IEventStore, ILogConnection, IAsyncDisposable
{
    /// <summary>What a deleted stream's metadata says as its truncation: no bound, and never to be lost, since the
    /// stream would come back.</summary>
    private const long DeletedMark = long.MaxValue;

    /// <summary>LIMIT: how often metadata is read again because somebody else has set it. Ours.</summary>
    private const int MetadataReadingsMax = 8;

    private readonly EventStoreDbOptions _options;
    private readonly NodeConnector _connector;
    private readonly StreamReader _streams;
    private readonly LogReader _reader;
    private readonly HeadReader _head;
    private readonly LogFollower _follower;
    private readonly KnownIds _known;
    private readonly AppendPump _pump;
    private readonly StreamRemoval _removal;
    private int _disposed;

    private EventStoreDbEventStore(EventStoreDbOptions options, TimeProvider time, ILogger log)
    {
        _options = options;
        _connector = new NodeConnector(options, time, log);
        var calls = new NodeCalls(_connector, options.Connection, time);
        _streams = new StreamReader(calls);
        _reader = new LogReader(calls);
        _head = new HeadReader(_reader.ReadHeadAsync);
        _known = new KnownIds(ReadEndAsync, options.RecentIdsMax);
        _follower = new LogFollower(_connector, _head, _known, options, log);
        _pump = new AppendPump(_connector, _known, _streams, options, time, log);
        _removal = new StreamRemoval(calls, _streams, _head);
    }

    /// <inheritdoc/>
    public LogConnectionStatus Status => _connector.Status;

    /// <summary>Connects; waits for a node that is not up yet until it is cancelled.</summary>
    /// <param name="options">Where the nodes are, and the bounds.</param>
    /// <param name="time">The clock of waits and deadlines.</param>
    /// <param name="log">Where it is said what becomes of the connection.</param>
    /// <param name="progress">Told every few seconds what is waited for.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <remarks>Errors: <see cref="EventStoreException"/> for what no waiting mends: the user is refused, or the file of
    /// the authorities holds none.</remarks>
    public static async Task<EventStoreDbEventStore> ConnectAsync(
        EventStoreDbOptions options,
        TimeProvider time,
        ILogger log,
        Action<string>? progress = null,
        CancellationToken cancellationToken = default)
    {
        var store = new EventStoreDbEventStore(options, time, log);
        try
        {
            await store.WaitForNodeAsync(time, progress, cancellationToken);
            return store;
        }
        catch
        {
            await store.DisposeAsync();
            throw;
        }
    }

    public ValueTask<AppendResult> AppendAsync(
        StreamName stream,
        ExpectedRevision expected,
        IReadOnlyList<NewRecord> records,
        Durability durability = Durability.Durable,
        CancellationToken cancellationToken = default)
    {
        AppendRules.Check(records);
        cancellationToken.ThrowIfCancellationRequested();
        // A node knows one durability: on disk.
        return new ValueTask<AppendResult>(AppendAsync(stream, _pump.AppendAsync(stream, expected, records), records));
    }

    public async ValueTask SetStreamMetadataAsync(
        StreamName stream, StreamMetadata metadata, CancellationToken cancellationToken = default)
    {
        for (var reading = 0; reading < MetadataReadingsMax; reading++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var last = await ReadLastMetadataAsync(stream, cancellationToken);
            var current = last?.Data ?? default;
            var isDeleted = StreamMetadataJson.Read(current).TruncateBefore == DeletedMark;
            var wanted = isDeleted && metadata.TruncateBefore is null
                ? metadata with { TruncateBefore = DeletedMark }
                : metadata;
            if (StreamMetadataJson.Change(stream, wanted, (last?.Revision ?? -1) + 1, current) is not { } record)
                return;
            var expected = last is null ? ExpectedRevision.NoStream : ExpectedRevision.Exactly(last.Revision);
            if (await AppendAsync(stream.Metadata, expected, [record], cancellationToken: cancellationToken)
                is not AppendResult.Conflict)
                return;
        }
        throw new EventStoreException($"Others set the metadata of {stream} without a pause.");
    }

    public ValueTask<AppendResult> DeleteAsync(
        StreamName stream, ExpectedRevision expected, CancellationToken cancellationToken = default) =>
        _removal.RunAsync(stream, expected, forGood: false, cancellationToken);

    public async ValueTask<AppendResult> TombstoneAsync(
        StreamName stream, ExpectedRevision expected, CancellationToken cancellationToken = default)
    {
        var result = await _removal.RunAsync(stream, expected, forGood: true, cancellationToken);
        _known.Forget(stream.Value);
        return result;
    }

    public ValueTask<LogPosition> ReadHeadAsync(CancellationToken cancellationToken = default) =>
        _head.ReadAsync(cancellationToken);

    public ValueTask<StreamState> ReadStreamStateAsync(
        StreamName stream, CancellationToken cancellationToken = default) =>
        _streams.ReadStateAsync(stream, cancellationToken);

    public IAsyncEnumerable<LogRecord> ReadStreamAsync(
        StreamName stream,
        long? fromRevision,
        ReadDirection direction,
        long maxCount,
        CancellationToken cancellationToken = default) =>
        _streams.ReadAsync(stream, fromRevision, direction, maxCount, cancellationToken);

    public IAsyncEnumerable<LogRecord> ReadAllAsync(
        LogPosition? from,
        ReadDirection direction,
        long maxCount,
        RecordFilter? filter = null,
        CancellationToken cancellationToken = default) =>
        _reader.ReadAsync(from, direction, maxCount, filter ?? RecordFilter.Default, cancellationToken);

    public IAsyncEnumerable<SubscriptionMessage> SubscribeAsync(
        LogPosition after, RecordFilter? filter = null, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(_disposed != 0, this);
        return new LogSubscription(_reader, _head, _follower, _options, filter ?? RecordFilter.Default)
            .RunAsync(after, _connector.Closed, cancellationToken);
    }

    public async ValueTask<StreamMetadata> ReadStreamMetadataAsync(
        StreamName stream, CancellationToken cancellationToken = default)
    {
        var last = await ReadLastMetadataAsync(stream, cancellationToken);
        var metadata = StreamMetadataJson.Read(last?.Data ?? default);
        return metadata.TruncateBefore == DeletedMark ? metadata with { TruncateBefore = null } : metadata;
    }

    /// <summary>Lets what is on its way be answered while there is a node, ends the subscriptions, and closes the
    /// connection.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 1)
            return;
        await _pump.DrainAsync();
        _connector.Dispose();
        await _pump.DisposeAsync();
        await _follower.StoppedAsync();
    }

    private async Task<AppendResult> AppendAsync(
        StreamName stream, Task<AppendResult> answer, IReadOnlyList<NewRecord> records)
    {
        var result = await answer;
        if (result is not AppendResult.Appended appended)
            return result;
        if (appended.Position == LogPosition.Start)
        {
            // The node did not say where the records stand.
            await foreach (var last in _streams.ReadAsync(
                stream, appended.Revision, ReadDirection.Backwards, 1, CancellationToken.None))
                appended = appended with { Position = last.Position };
        }
        _head.Reached(appended.Position);
        if (!stream.IsSystem && records.Count == 1)
            _known.Add(stream.Value, records[0].RecordId, appended.Revision, appended.Position);
        return appended;
    }

    private async ValueTask<LogRecord?> ReadLastMetadataAsync(
        StreamName stream, CancellationToken cancellationToken)
    {
        await foreach (var record in _streams.ReadAsync(
            stream.Metadata, null, ReadDirection.Backwards, 1, cancellationToken))
            return record;
        return null;
    }

    /// <summary>The log from its end, after the subscription that says what comes later has begun.</summary>
    private async IAsyncEnumerable<LogRecord> ReadEndAsync(
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        _follower.WindowFrom(await _head.ReadAsync(cancellationToken));
        await foreach (var record in _reader.ReadAsync(
            null, ReadDirection.Backwards, long.MaxValue, RecordFilter.Default, cancellationToken))
            yield return record;
    }

    private async Task WaitForNodeAsync(
        TimeProvider time, Action<string>? progress, CancellationToken cancellationToken)
    {
        await using var telling = time.CreateTimer(
            _ => progress?.Invoke($"waiting for {_options.Connection}: {Status.Problem}"),
            null,
            _options.ProgressEvery,
            _options.ProgressEvery);
        while (true)
        {
            try
            {
                await _connector.GetAsync(cancellationToken);
                return;
            }
            catch (EventStoreException none) when (
                none.InnerException is Grpc.Core.RpcException problem && CallErrors.IsTransient(problem))
            {
                cancellationToken.ThrowIfCancellationRequested();
            }
        }
    }
}
