using SQLitePCL;
using static SQLitePCL.raw;

namespace Matrix.EventSourced.EventStore.Embedded.Sqlite;

/// <summary>A prepared statement: bind, step, read, reset. Parameters count from 1, columns from 0.</summary>
// HOT
internal sealed class SqliteStatement(SqliteDatabase database, sqlite3_stmt handle) : IDisposable
{
    public SqliteStatement Bind(int index, long value)
    {
        database.Check(sqlite3_bind_int64(handle, index, value));
        return this;
    }

    public SqliteStatement Bind(int index, long? value)
    {
        database.Check(
            value is { } known ? sqlite3_bind_int64(handle, index, known) : sqlite3_bind_null(handle, index));
        return this;
    }

    public SqliteStatement Bind(int index, string value)
    {
        database.Check(sqlite3_bind_text(handle, index, value));
        return this;
    }

    public SqliteStatement Bind(int index, ReadOnlySpan<byte> value)
    {
        database.Check(
            value.IsEmpty ? sqlite3_bind_zeroblob(handle, index, 0) : sqlite3_bind_blob(handle, index, value));
        return this;
    }

    public SqliteStatement Bind(int index, Guid value)
    {
        Span<byte> bytes = stackalloc byte[16];
        value.TryWriteBytes(bytes);
        return Bind(index, bytes);
    }

    /// <summary>Goes to the next row; false when there is none.</summary>
    public bool Step()
    {
        var code = sqlite3_step(handle);
        if (code == SQLITE_ROW)
            return true;
        if (code == SQLITE_DONE)
            return false;
        // The message is read before the reset that a failed statement needs.
        var failure = Failure();
        sqlite3_reset(handle);
        throw failure;
    }

    /// <summary>Runs a statement that answers no rows.</summary>
    public void Run()
    {
        Step();
        Reset();
    }

    /// <summary>Ends the statement; an open one would keep its snapshot, and the write-ahead log could not be
    /// reused.</summary>
    public void Reset() => sqlite3_reset(handle);

    public long Integer(int column) => sqlite3_column_int64(handle, column);

    public long? IntegerOrNull(int column) =>
        sqlite3_column_type(handle, column) == SQLITE_NULL ? null : sqlite3_column_int64(handle, column);

    public string Text(int column) => sqlite3_column_text(handle, column).utf8_to_string();

    public byte[] Blob(int column) => sqlite3_column_blob(handle, column).ToArray();

    public Guid Guid(int column) => new(sqlite3_column_blob(handle, column));

    public void Dispose() => handle.Dispose();

    private SqliteFailure Failure() =>
        new(sqlite3_extended_errcode(database.Handle), sqlite3_errmsg(database.Handle).utf8_to_string());
}
