using Matrix.EventSourced.EventStore.Embedded.Sqlite;

namespace Matrix.EventSourced.EventStore.Embedded;

/// <summary>Makes a log of format 1 one of format 2, in one transaction.</summary>
/// <remarks>Format 1 knew neither tombstones nor data that is no JSON, and had the bounds of streams in their rows
/// only: each bounded stream now gets the record of metadata that says so, after all other records.</remarks>
internal static class LogFormat1
{
    public static void Upgrade(SqliteDatabase database, bool afterCrash, long nowMs)
    {
        database.Execute("""
            BEGIN IMMEDIATE;
            ALTER TABLE records ADD COLUMN is_binary INTEGER NOT NULL DEFAULT 0;
            ALTER TABLE streams ADD COLUMN tombstoned INTEGER NOT NULL DEFAULT 0;
            PRAGMA user_version = 2;
            """);
        try
        {
            var bounded = BoundedStreams(database);
            if (bounded.Count > 0)
                AddMetadata(database, bounded, FirstFreePosition(database, afterCrash), nowMs);
            database.Execute("COMMIT");
        }
        catch
        {
            database.Execute("ROLLBACK");
            throw;
        }
    }

    /// <summary>Positions that a reader may have seen before a crash took their records stay unused.</summary>
    private static long FirstFreePosition(SqliteDatabase database, bool afterCrash)
    {
        var last = Math.Max(
            database.QueryInteger("SELECT max(position) FROM records"),
            database.QueryInteger("SELECT max(value) FROM marks WHERE name = 'position_floor'"));
        return last + 1 + (afterCrash ? WriteSession.PositionsSkippedAfterCrash : 0);
    }

    private static List<(string Name, StreamMetadata Metadata)> BoundedStreams(SqliteDatabase database)
    {
        var streams = new List<(string, StreamMetadata)>();
        using var statement = database.PrepareOnce("""
            SELECT name, max_age_ms, max_count, truncate_before FROM streams
            WHERE (max_age_ms IS NOT NULL OR max_count IS NOT NULL OR truncate_before IS NOT NULL)
            AND substr(name, 1, 2) <> '$$'
            ORDER BY id
            """);
        while (statement.Step())
        {
            TimeSpan? maxAge = statement.IntegerOrNull(1) is { } ms ? TimeSpan.FromMilliseconds(ms) : null;
            streams.Add((
                statement.Text(0),
                new StreamMetadata(maxAge, statement.IntegerOrNull(2), statement.IntegerOrNull(3))));
        }
        return streams;
    }

    private static void AddMetadata(
        SqliteDatabase database, List<(string Name, StreamMetadata Metadata)> bounded, long position, long nowMs)
    {
        database.Execute($"INSERT OR IGNORE INTO types (name) VALUES ('{StreamMetadataJson.RecordType}')");
        var type = database.QueryInteger($"SELECT id FROM types WHERE name = '{StreamMetadataJson.RecordType}'");
        using var addStream = database.PrepareOnce("INSERT INTO streams (name, max_count) VALUES (?1, 1)");
        using var addRecord = database.PrepareOnce("""
            INSERT INTO records (position, stream, revision, type, record_id, created_ms, data, metadata)
            VALUES (?1, ?2, 0, ?3, ?4, ?5, ?6, ?7)
            """);
        foreach (var (name, metadata) in bounded)
        {
            var stream = StreamName.FromStored(name);
            var change = StreamMetadataJson.Change(stream, metadata, revision: 0, ReadOnlyMemory<byte>.Empty)!;
            addStream.Bind(1, stream.Metadata.Value).Run();
            addRecord
                .Bind(1, position++)
                .Bind(2, database.LastRowId)
                .Bind(3, type)
                .Bind(4, change.RecordId)
                .Bind(5, nowMs)
                .Bind(6, change.Data.Span)
                .Bind(7, ReadOnlySpan<byte>.Empty)
                .Run();
        }
    }
}
