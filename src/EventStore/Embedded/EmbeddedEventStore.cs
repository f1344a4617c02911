using System.Runtime.CompilerServices;
using Matrix.EventSourced.EventStore.Embedded.Sqlite;
using Microsoft.Extensions.Logging;

namespace Matrix.EventSourced.EventStore.Embedded;

/// <summary>The log in one SQLite file: the default on one machine. See the README.md beside it for what it
/// promises.</summary>
/// <remarks>
/// Shape: one writer thread with group commit, reading connections with their own snapshots, subscribers woken by the
/// append.
/// Errors: <see cref="EventStoreException"/> when the folder is in use, when the file is not a log, and for appends of
/// which nobody can say whether they reached the disk.
/// </remarks>
public sealed partial class EmbeddedEventStore : IEventStore, IRecordEraser, ILogBackup, IAsyncDisposable
{
    private const string FileName = "log.sqlite";

    private readonly string _path;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly FolderLock _folderLock;
    private readonly WriteSession _session;
    private readonly LiveFeed _feed;
    private readonly LogReaders _readers;
    private readonly Checkpointer _checkpointer;
    private readonly LogWriter _writer;
    private readonly Scavenger _scavenger;
    private readonly ITimer _scavengeTimer;
    private readonly CancellationTokenSource _closed = new();
    private int _disposed;

    private EmbeddedEventStore(EmbeddedOptions options, TimeProvider time, ILogger log, FolderLock folderLock)
    {
        var path = Path.Combine(options.Folder, FileName);
        var writeAheadLog = new FileInfo(path + "-wal");
        var afterCrash = writeAheadLog.Exists && writeAheadLog.Length > 0;
        _path = path;
        _time = time;
        _log = log;
        _folderLock = folderLock;
        var database = LogSchema.Open(path, afterCrash, time);
        try
        {
            _session = new WriteSession(database, time, options, afterCrash);
            _feed = new LiveFeed(_session.LastVisible, options.RecentRecordsMax, options.RecentBytesMax);
            _readers = new LogReaders(path);
            _checkpointer = new Checkpointer(path, log);
        }
        catch
        {
            database.Dispose();
            throw;
        }
        _writer = new LogWriter(_session, _feed, _checkpointer, log);
        _scavenger = new Scavenger(_writer, time, log);
        _scavengeTimer = time.CreateTimer(
            _ => _ = ScavengeInBackgroundAsync(), null, options.ScavengeInterval, options.ScavengeInterval);
        LogOpened(log, path, _session.LastVisible.Value, afterCrash);
    }

    /// <summary>Opens the log in a folder, or makes one there; after a crash it recovers what was
    /// acknowledged.</summary>
    public static ValueTask<EmbeddedEventStore> OpenAsync(EmbeddedOptions options, TimeProvider time, ILogger log)
    {
        Directory.CreateDirectory(options.Folder);
        var folderLock = FolderLock.Take(options.Folder);
        try
        {
            return ValueTask.FromResult(new EmbeddedEventStore(options, time, log, folderLock));
        }
        catch (SqliteFailure problem)
        {
            folderLock.Dispose();
            throw new EventStoreException($"The log in {options.Folder} cannot be opened.", problem);
        }
        catch
        {
            folderLock.Dispose();
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
        var operation = AppendOperation.Rent(stream, expected, records, durability);
        var answer = operation.Task;
        _writer.Enqueue(operation);
        return answer;
    }

    public async ValueTask SetStreamMetadataAsync(
        StreamName stream, StreamMetadata metadata, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        await EnqueueAsync(
            new FunctionOperation<bool>(session => StreamChanges.SetMetadata(session, stream, metadata)));
    }

    public async ValueTask<AppendResult> DeleteAsync(
        StreamName stream, ExpectedRevision expected, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return await EnqueueAsync(
            new FunctionOperation<AppendResult>(
                session => StreamChanges.Delete(session, stream, expected, forGood: false)));
    }

    public async ValueTask<AppendResult> TombstoneAsync(
        StreamName stream, ExpectedRevision expected, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return await EnqueueAsync(
            new FunctionOperation<AppendResult>(
                session => StreamChanges.Delete(session, stream, expected, forGood: true)));
    }

    public async ValueTask RewriteAsync(
        LogPosition position, ReadOnlyMemory<byte> data, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var isKnown = await EnqueueAsync(new FunctionOperation<bool>(
            session => StreamChanges.Rewrite(session, position, data),
            isKnown =>
            {
                if (isKnown)
                    _feed.Rewrite(position, data);
                _checkpointer.RequestErasure();
            }));
        if (!isKnown)
            throw new EventStoreException($"The log holds no record at {position}.");
    }

    public Task BackUpAsync(string folder, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(_disposed != 0, this);
        cancellationToken.ThrowIfCancellationRequested();
        // A copy takes as long as the disk does: on a thread of its own, so that it keeps none of the pool.
        return Task.Factory.StartNew(
            () => LogBackup.Run(_path, Path.Combine(folder, FileName)),
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default);
    }

    /// <summary>Removes now what no reader may see any more; answers how many records went.</summary>
    public Task<long> ScavengeAsync() => _scavenger.RunAsync();

    public ValueTask<LogPosition> ReadHeadAsync(CancellationToken cancellationToken = default) =>
        ValueTask.FromResult(_feed.Head);

    public ValueTask<StreamState> ReadStreamStateAsync(
        StreamName stream, CancellationToken cancellationToken = default) =>
        ValueTask.FromResult(_readers.Read(stream, static (reader, name) => reader.ReadState(name)));

    public async IAsyncEnumerable<LogRecord> ReadStreamAsync(
        StreamName stream,
        long? fromRevision,
        ReadDirection direction,
        long maxCount,
        [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        await ValueTask.CompletedTask;
        var next = fromRevision;
        while (maxCount > 0)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var page = _readers.Read(
                (stream, next, direction, maxCount, NowMs),
                static (reader, read) =>
                    reader.ReadStream(read.stream, read.next, read.direction, read.maxCount, read.NowMs));
            foreach (var record in page.Records)
                yield return record;
            maxCount -= page.Records.Count;
            if (page.IsLast)
                yield break;
            next = page.Records[^1].Revision + (direction == ReadDirection.Forwards ? 1 : -1);
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
        var forwards = direction == ReadDirection.Forwards;
        var next = from ?? (forwards ? LogPosition.Start : new LogPosition(long.MaxValue));
        while (maxCount > 0)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var page = ReadAllPage(next, direction, maxCount);
            foreach (var record in page.Records)
            {
                if (!effective.Passes(record))
                    continue;
                maxCount--;
                yield return record;
            }
            if (page.IsLast)
                yield break;
            var last = page.Records[^1].Position.Value;
            next = new LogPosition(forwards ? last : last - 1);
        }
    }

    public IAsyncEnumerable<SubscriptionMessage> SubscribeAsync(
        LogPosition after, RecordFilter? filter = null, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(_disposed != 0, this);
        return new Subscription(_feed, ReadAllPage, filter ?? RecordFilter.Default)
            .RunAsync(after, _closed.Token, cancellationToken);
    }

    public ValueTask<StreamMetadata> ReadStreamMetadataAsync(
        StreamName stream, CancellationToken cancellationToken = default) =>
        ValueTask.FromResult(_readers.Read(stream, static (reader, name) => reader.ReadMetadata(name)));

    /// <summary>Writes what is queued, ends the subscriptions, and leaves one file without a write-ahead log.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 1)
            return;
        await _scavengeTimer.DisposeAsync();
        _writer.Dispose();
        await _closed.CancelAsync();
        _checkpointer.Dispose();
        _readers.Dispose();
        _session.Dispose();
        _folderLock.Dispose();
        _closed.Dispose();
    }

    private long NowMs => _time.GetUtcNow().ToUnixTimeMilliseconds();

    private LogPage ReadAllPage(LogPosition from, ReadDirection direction, long maxCount) => _readers.Read(
        (from, direction, maxCount, NowMs),
        static (reader, read) => reader.ReadAll(read.from, read.direction, read.maxCount, read.NowMs));

    private Task<T> EnqueueAsync<T>(FunctionOperation<T> operation)
    {
        _writer.Enqueue(operation);
        return operation.Task;
    }

    private async Task ScavengeInBackgroundAsync()
    {
        try
        {
            await _scavenger.RunAsync();
        }
        catch (EventStoreException problem)
        {
            LogScavengeFailed(_log, problem);
        }
    }

    [LoggerMessage(
        Level = LogLevel.Information,
        Message = "Opened the log {path} at position {position}, after a crash: {after_crash}")]
    private static partial void LogOpened(ILogger logger, string path, ulong position, bool after_crash);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Records outside their streams' bounds could not be removed")]
    private static partial void LogScavengeFailed(ILogger logger, Exception problem);
}
