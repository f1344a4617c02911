using SQLitePCL;
using static SQLitePCL.raw;

namespace Matrix.EventSourced.EventStore.Embedded.Sqlite;

/// <summary>SQLite refused: the code says why.</summary>
internal sealed class SqliteFailure(int code, string message) : Exception($"SQLite error {code}: {message}")
{
    /// <summary>The extended result code.</summary>
    public int Code { get; } = code;

    /// <summary>Whether the file is as it was and the next try may succeed: the disk is full, or the file is
    /// busy.</summary>
    public bool MayPass => (Code & 0xFF) is SQLITE_FULL or SQLITE_BUSY or SQLITE_NOMEM;
}

/// <summary>One connection. Used by one thread at a time.</summary>
/// <remarks>The provider's own thin layer, not ADO.NET: an append must not box its parameters nor allocate commands and
/// readers.</remarks>
internal sealed class SqliteDatabase : IDisposable
{
    private readonly sqlite3 _handle;
    private readonly List<SqliteStatement> _statements = [];

    static SqliteDatabase() => Batteries_V2.Init();

    public SqliteDatabase(string path, bool readOnly)
    {
        var flags = readOnly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
        var code = sqlite3_open_v2(path, out _handle, flags | SQLITE_OPEN_NOMUTEX, null);
        if (code != SQLITE_OK)
        {
            var problem = sqlite3_errstr(code).utf8_to_string();
            _handle.Dispose();
            throw new SqliteFailure(code, $"{problem}: {path}");
        }
        sqlite3_extended_result_codes(_handle, 1);
        sqlite3_busy_timeout(_handle, 5000);
    }

    public sqlite3 Handle => _handle;

    /// <summary>The rows that the last statement changed.</summary>
    public int Changes => sqlite3_changes(_handle);

    public long LastRowId => sqlite3_last_insert_rowid(_handle);

    /// <summary>Whether a transaction is open.</summary>
    public bool IsInTransaction => sqlite3_get_autocommit(_handle) == 0;

    /// <summary>Runs statements that are not worth preparing.</summary>
    public void Execute(string sql) => Check(sqlite3_exec(_handle, sql));

    /// <summary>Prepares a statement that lives as long as the connection.</summary>
    public SqliteStatement Prepare(string sql)
    {
        Check(sqlite3_prepare_v3(_handle, sql, SQLITE_PREPARE_PERSISTENT, out var handle));
        var statement = new SqliteStatement(this, handle);
        _statements.Add(statement);
        return statement;
    }

    /// <summary>Prepares a statement that its caller disposes of.</summary>
    public SqliteStatement PrepareOnce(string sql)
    {
        Check(sqlite3_prepare_v2(_handle, sql, out var handle));
        return new SqliteStatement(this, handle);
    }

    /// <summary>The first column of the first row.</summary>
    public long QueryInteger(string sql)
    {
        using var statement = PrepareOnce(sql);
        return statement.Step() ? statement.Integer(0) : 0;
    }

    public void Check(int code)
    {
        if (code is not (SQLITE_OK or SQLITE_ROW or SQLITE_DONE))
            throw new SqliteFailure(sqlite3_extended_errcode(_handle), sqlite3_errmsg(_handle).utf8_to_string());
    }

    public void Dispose()
    {
        foreach (var statement in _statements)
            statement.Dispose();
        _handle.Dispose();
    }
}
