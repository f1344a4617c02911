using Matrix.EventSourced.EventStore.Embedded.Sqlite;
using Microsoft.Extensions.Logging;

namespace Matrix.EventSourced.EventStore.Embedded;

/// <summary>The one thread that writes. Whatever queued up while the disk was busy goes into one transaction: group
/// commit.</summary>
/// <remarks>
/// <code>
///  appends ─►  queue  ─►  BEGIN · append · append · append · COMMIT (one flush)  ─►  live feed  ─►  answers
///                ▲                                                                    (head)        (thread pool)
///                └── what comes meanwhile waits for the next round
/// </code>
/// Ensures: a conflict answers one append and disturbs no other. The head moves before the first answer is given.
/// Errors: a failed transaction fails all of its operations, since nobody can say what the disk holds; after anything
/// but a full disk the writer stops for good, because pages that failed to reach the disk once may look clean
/// afterwards.
/// </remarks>
internal sealed partial class LogWriter : IDisposable
{
    /// <summary>LIMIT: operations of one transaction. Ours: a bound on how long the first of them waits for the
    /// last.</summary>
    private const int BatchOperationsMax = 2048;

    /// <summary>LIMIT: bytes of one transaction. Ours: about what a disk takes in some tens of milliseconds.</summary>
    private const int BatchBytesMax = 8 * 1024 * 1024;

    private readonly object _lock = new();
    private readonly Queue<WriteOperation> _queue = [];
    private readonly List<WriteOperation> _batch = [];
    private readonly WriteSession _session;
    private readonly LiveFeed _feed;
    private readonly Checkpointer _checkpointer;
    private readonly ILogger _log;
    private readonly Thread _thread;
    private EventStoreException? _stopped;
    private bool _closing;

    public LogWriter(WriteSession session, LiveFeed feed, Checkpointer checkpointer, ILogger log)
    {
        _session = session;
        _feed = feed;
        _checkpointer = checkpointer;
        _log = log;
        _thread = new Thread(Run) { Name = "log writer", IsBackground = true };
        _thread.Start();
    }

    public void Enqueue(WriteOperation operation)
    {
        EventStoreException? refused;
        lock (_lock)
        {
            refused = _stopped ?? (_closing ? new EventStoreException("The log is closed.") : null);
            if (refused is null)
            {
                _queue.Enqueue(operation);
                Monitor.Pulse(_lock);
            }
        }
        if (refused is not null)
            operation.Fail(refused);
    }

    /// <summary>Writes what is queued, and ends.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _closing = true;
            Monitor.Pulse(_lock);
        }
        _thread.Join();
    }

    private void Run()
    {
        while (TakeBatch())
        {
            if (TryWriteBatch())
                _checkpointer.AfterCommit(_session.Database);
            _batch.Clear();
        }
    }

    private bool TakeBatch()
    {
        lock (_lock)
        {
            while (_queue.Count == 0 && !_closing)
                Monitor.Wait(_lock);
            var bytes = 0;
            while (_queue.Count > 0 && _batch.Count < BatchOperationsMax && bytes < BatchBytesMax)
            {
                var operation = _queue.Dequeue();
                bytes += operation.Bytes;
                _batch.Add(operation);
            }
            return _batch.Count > 0;
        }
    }

    private bool TryWriteBatch()
    {
        try
        {
            var durable = false;
            foreach (var operation in _batch)
                durable |= operation.IsDurable;
            _session.Begin(durable);
            foreach (var operation in _batch)
                operation.Execute(_session);
            _session.Commit();
        }
        catch (Exception problem)
        {
            FailBatch(problem);
            return false;
        }
        _feed.Publish(_session.Added);
        foreach (var operation in _batch)
            operation.Complete();
        return true;
    }

    private void FailBatch(Exception problem)
    {
        LogWriteFailed(_log, problem, _batch.Count);
        var failure = problem as EventStoreException
            ?? new EventStoreException("The log could not be written.", problem);
        var goesOn = problem is not SqliteFailure { MayPass: false };
        try
        {
            _session.Rollback();
        }
        catch (SqliteFailure)
        {
            goesOn = false;
        }
        if (!goesOn)
            Stop(failure);
        foreach (var operation in _batch)
            operation.Fail(failure);
    }

    private void Stop(EventStoreException failure)
    {
        LogStopped(_log);
        lock (_lock)
        {
            _stopped = new EventStoreException(
                "The log stopped after a write had failed; the server must be started again.", failure);
            _batch.AddRange(_queue);
            _queue.Clear();
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "The log could not write {operation_count} operations")]
    private static partial void LogWriteFailed(ILogger logger, Exception problem, int operation_count);

    [LoggerMessage(
        Level = LogLevel.Critical,
        Message = "The log takes no more writes until the server is started again")]
    private static partial void LogStopped(ILogger logger);
}
