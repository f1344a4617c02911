using Matrix.EventSourced.EventStore.Embedded.Sqlite;

namespace Matrix.EventSourced.EventStore.Embedded;

/// <summary>The tables of the log, and how a file becomes one.</summary>
/// <remarks>
/// <code>
/// records  position · stream · revision · type · record_id · created_ms · data · metadata · is_binary   one row each
/// streams  id · name · first (after the last deletion) · floor (last revision removed) · bounds · tombstoned
/// types    id · name                                                                          names, interned
/// marks    position_floor: no position up to here is ever given again
/// </code>
/// </remarks>
internal static class LogSchema
{
    /// <summary>"MXES": tells a log from any other SQLite file.</summary>
    private const long ApplicationId = 0x4D584553;

    private const long FormatVersion = 2;

    private const string Tables = """
        CREATE TABLE records (
            position INTEGER PRIMARY KEY,
            stream INTEGER NOT NULL,
            revision INTEGER NOT NULL,
            type INTEGER NOT NULL,
            record_id BLOB NOT NULL,
            created_ms INTEGER NOT NULL,
            data BLOB NOT NULL,
            metadata BLOB NOT NULL,
            is_binary INTEGER NOT NULL DEFAULT 0);
        CREATE UNIQUE INDEX records_by_revision ON records (stream, revision);
        CREATE UNIQUE INDEX records_by_id ON records (stream, record_id);
        CREATE TABLE streams (
            id INTEGER PRIMARY KEY,
            name TEXT NOT NULL UNIQUE,
            first INTEGER NOT NULL DEFAULT 0,
            floor INTEGER NOT NULL DEFAULT -1,
            max_age_ms INTEGER,
            max_count INTEGER,
            truncate_before INTEGER,
            tombstoned INTEGER NOT NULL DEFAULT 0);
        CREATE INDEX streams_bounded ON streams (id)
            WHERE first > 0 OR max_age_ms IS NOT NULL OR max_count IS NOT NULL OR truncate_before IS NOT NULL;
        CREATE TABLE types (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
        CREATE TABLE marks (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
        """;

    /// <summary>Opens the writer's connection and makes the tables where the file is new.</summary>
    /// <param name="path">The file.</param>
    /// <param name="afterCrash">Whether it was not closed in order.</param>
    /// <param name="time">What an older file is made into this format at.</param>
    public static SqliteDatabase Open(string path, bool afterCrash, TimeProvider time)
    {
        var database = new SqliteDatabase(path, readOnly: false);
        try
        {
            // Overwritten records must be gone from the file, not only unlinked: erasure depends on it.
            database.Execute("""
                PRAGMA journal_mode = WAL;
                PRAGMA synchronous = FULL;
                PRAGMA wal_autocheckpoint = 0;
                PRAGMA journal_size_limit = 67108864;
                PRAGMA secure_delete = ON;
                PRAGMA cache_size = -8192;
                PRAGMA temp_store = MEMORY;
                """);
            Prepare(database, path, afterCrash, time);
            return database;
        }
        catch
        {
            database.Dispose();
            throw;
        }
    }

    private static void Prepare(SqliteDatabase database, string path, bool afterCrash, TimeProvider time)
    {
        var application = database.QueryInteger("PRAGMA application_id");
        var version = database.QueryInteger("PRAGMA user_version");
        if (application == 0 && version == 0 && database.QueryInteger("SELECT count(*) FROM sqlite_schema") == 0)
        {
            database.Execute($"""
                BEGIN IMMEDIATE;
                PRAGMA application_id = {ApplicationId};
                PRAGMA user_version = {FormatVersion};
                {Tables}
                COMMIT;
                """);
            return;
        }
        if (application != ApplicationId)
            throw new EventStoreException($"{path} is not a log.");
        if (version == 1)
        {
            LogFormat1.Upgrade(database, afterCrash, time.GetUtcNow().ToUnixTimeMilliseconds());
            version = FormatVersion;
        }
        if (version != FormatVersion)
            throw new EventStoreException(
                $"{path} has format {version}; this version of the server reads format {FormatVersion}.");
    }
}
