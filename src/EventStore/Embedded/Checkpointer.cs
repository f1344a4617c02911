using Matrix.EventSourced.EventStore.Embedded.Sqlite;
using Microsoft.Extensions.Logging;
using SQLitePCL;

namespace Matrix.EventSourced.EventStore.Embedded;

/// <summary>Copies the write-ahead log into the file: beside the writer while that is possible, so that no append waits
/// for it.</summary>
/// <remarks>
/// A checkpoint beside a busy writer never quite catches up, and the write-ahead log only starts anew once everything
/// is copied. When it has grown too long the writer itself copies the short rest between two transactions.
/// </remarks>
internal sealed partial class Checkpointer : IDisposable
{
    /// <summary>LIMIT: pages written between two checkpoints. Ours: SQLite's own default, 4 MiB.</summary>
    private const int PagesBetween = 1000;

    /// <summary>LIMIT: pages of the write-ahead log from which on the writer waits for a checkpoint. Ours: 16
    /// MiB.</summary>
    private const int PagesMax = 4 * PagesBetween;

    private readonly SqliteDatabase _database;
    private readonly ILogger _log;
    private readonly AutoResetEvent _due = new(initialState: false);
    private readonly Thread _thread;
    private volatile bool _closing;
    private volatile bool _writerMustHelp;
    private volatile bool _mustErase;
    private int _pages;

    public Checkpointer(string path, ILogger log)
    {
        _database = new SqliteDatabase(path, readOnly: false);
        _database.Execute("PRAGMA wal_autocheckpoint = 0; PRAGMA secure_delete = ON; PRAGMA cache_size = -256;");
        _log = log;
        _thread = new Thread(Run) { Name = "log checkpointer", IsBackground = true };
        _thread.Start();
    }

    /// <summary>Asks that nothing of what was overwritten stays in the write-ahead log.</summary>
    public void RequestErasure() => _mustErase = true;

    /// <summary>Called by the writer between two transactions.</summary>
    public void AfterCommit(SqliteDatabase writer)
    {
        raw.sqlite3_db_status(writer.Handle, raw.SQLITE_DBSTATUS_CACHE_WRITE, out var written, out _, 1);
        _pages += written;
        if (_mustErase)
            _mustErase = !TryErase(writer);
        else if (_writerMustHelp)
        {
            TryCheckpoint(writer);
            _pages = 0;
            _writerMustHelp = false;
        }
        if (_pages >= PagesBetween)
        {
            _pages = 0;
            _due.Set();
        }
    }

    public void Dispose()
    {
        _closing = true;
        _due.Set();
        _thread.Join();
        _due.Dispose();
        _database.Dispose();
    }

    private void Run()
    {
        while (_due.WaitOne() && !_closing)
        {
            // Only one of the two can copy at a time: once the writer was asked, this thread keeps out of its way.
            if (!_writerMustHelp && TryCheckpoint(_database) > PagesMax)
                _writerMustHelp = true;
        }
    }

    /// <summary>Answers the pages of the write-ahead log.</summary>
    private int TryCheckpoint(SqliteDatabase database)
    {
        var code = raw.sqlite3_wal_checkpoint_v2(
            database.Handle, "main", raw.SQLITE_CHECKPOINT_PASSIVE, out var pages, out _);
        if ((code & 0xFF) is not (raw.SQLITE_OK or raw.SQLITE_BUSY))
            LogFailed(_log, code);
        return pages;
    }

    private bool TryErase(SqliteDatabase database)
    {
        var code = raw.sqlite3_wal_checkpoint_v2(database.Handle, "main", raw.SQLITE_CHECKPOINT_TRUNCATE, out _, out _);
        if ((code & 0xFF) is not (raw.SQLITE_OK or raw.SQLITE_BUSY))
            LogFailed(_log, code);
        return code == raw.SQLITE_OK;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "A checkpoint of the log failed with SQLite's code {code}")]
    private static partial void LogFailed(ILogger logger, int code);
}
