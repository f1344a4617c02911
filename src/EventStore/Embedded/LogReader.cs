using Matrix.EventSourced.EventStore.Embedded.Sqlite;

namespace Matrix.EventSourced.EventStore.Embedded;

/// <summary>What one look into the file found.</summary>
/// <remarks>Shape: IsLast when there is nothing more in this direction.</remarks>
internal readonly record struct LogPage(List<LogRecord> Records, bool IsLast);

/// <summary>A reading connection with its statements. Used by one thread at a time; holds no snapshot between two
/// calls.</summary>
// HOT
internal sealed class LogReader : IDisposable
{
    /// <summary>LIMIT: records of one page. Ours: enough to make the look-up cheap per record.</summary>
    private const int PageRecordsMax = 256;

    /// <summary>LIMIT: bytes of one page. Ours: a page of the largest records must not fill the memory.</summary>
    private const int PageBytesMax = 4 * 1024 * 1024;

    // The bounds of a stream, as SQL over its row `s` and a record `r`; ?3 is the clock. The count looks at the
    // stream's last revision, which the index answers, and only for the few streams that are bounded so.
    private const string IsVisible = """
        r.revision >= s.first
        AND (s.truncate_before IS NULL OR r.revision >= s.truncate_before)
        AND (s.max_age_ms IS NULL OR r.created_ms >= ?3 - s.max_age_ms)
        AND (s.max_count IS NULL
            OR r.revision > (SELECT max(x.revision) FROM records x WHERE x.stream = s.id) - s.max_count)
        """;

    private const string Columns =
        "SELECT r.position, r.stream, r.revision, r.record_id, r.type, r.created_ms, r.data, r.metadata, r.is_binary";

    private readonly SqliteDatabase _database;
    private readonly TypeNames _types;
    private readonly SqliteStatement _findStream;
    private readonly SqliteStatement _lastRevision;
    private readonly SqliteStatement _streamForwards;
    private readonly SqliteStatement _streamBackwards;
    private readonly SqliteStatement _allForwards;
    private readonly SqliteStatement _allBackwards;
    private readonly SqliteStatement _findType;

    public LogReader(string path, TypeNames types)
    {
        _types = types;
        _database = new SqliteDatabase(path, readOnly: true);
        _database.Execute("PRAGMA cache_size = -1024;");
        _findStream = _database.Prepare(
            """
            SELECT id, first, floor, max_age_ms, max_count, truncate_before, tombstoned FROM streams WHERE name = ?1
            """);
        _lastRevision = _database.Prepare("SELECT max(revision) FROM records WHERE stream = ?1");
        const string InStream = $"{Columns} FROM records r WHERE r.stream = ?1 AND r.created_ms >= ?3";
        _streamForwards = _database.Prepare($"{InStream} AND r.revision >= ?2 ORDER BY r.revision LIMIT ?4");
        _streamBackwards = _database.Prepare(
            $"{InStream} AND r.revision <= ?2 AND r.revision >= ?5 ORDER BY r.revision DESC LIMIT ?4");
        const string InLog =
            $"{Columns}, s.name FROM records r CROSS JOIN streams s ON s.id = r.stream WHERE {IsVisible}";
        _allForwards = _database.Prepare($"{InLog} AND r.position > ?1 ORDER BY r.position LIMIT ?2");
        _allBackwards = _database.Prepare($"{InLog} AND r.position <= ?1 ORDER BY r.position DESC LIMIT ?2");
        _findType = _database.Prepare("SELECT name FROM types WHERE id = ?1");
    }

    public LogPage ReadStream(StreamName name, long? fromRevision, ReadDirection direction, long maxCount, long nowMs)
    {
        if (Find(name) is not { } stream)
            return new LogPage([], IsLast: true);
        var head = stream.Metadata.MaxCount is null ? stream.Floor : Math.Max(stream.Floor, LastRevision(stream.Id));
        var visible = StreamBounds.FirstVisible(stream.First, head, stream.Metadata);
        var limit = Math.Min(maxCount, PageRecordsMax);
        var oldestMs = StreamBounds.OldestVisibleMs(stream.Metadata, nowMs);
        var forwards = direction == ReadDirection.Forwards;
        var statement = forwards ? _streamForwards : _streamBackwards;
        statement.Bind(1, stream.Id).Bind(3, oldestMs).Bind(4, limit);
        if (forwards)
            statement.Bind(2, Math.Max(fromRevision ?? 0, visible));
        else
            statement.Bind(2, fromRevision ?? long.MaxValue).Bind(5, visible);
        return ReadPage(statement, name, limit);
    }

    /// <summary>Forwards: after the position. Backwards: at or before it.</summary>
    public LogPage ReadAll(LogPosition from, ReadDirection direction, long maxCount, long nowMs)
    {
        var limit = Math.Min(maxCount, PageRecordsMax);
        var statement = direction == ReadDirection.Forwards ? _allForwards : _allBackwards;
        statement.Bind(1, (long)Math.Min(from.Value, long.MaxValue)).Bind(2, limit).Bind(3, nowMs);
        return ReadPage(statement, null, limit);
    }

    public StreamMetadata ReadMetadata(StreamName name) => Find(name)?.Metadata ?? new StreamMetadata();

    public StreamState ReadState(StreamName name)
    {
        if (Find(name) is not { } stream)
            return new StreamState(null);
        var last = Math.Max(stream.Floor, LastRevision(stream.Id));
        return new StreamState(last < stream.First ? null : last, stream.IsTombstoned);
    }

    public void Dispose() => _database.Dispose();

    private LogPage ReadPage(SqliteStatement statement, StreamName? stream, long limit)
    {
        var records = new List<LogRecord>((int)Math.Min(limit, 16));
        try
        {
            var bytes = 0;
            var lastStreamId = -1L;
            var name = stream ?? default;
            while (statement.Step())
            {
                if (stream is null && lastStreamId != statement.Integer(1))
                {
                    lastStreamId = statement.Integer(1);
                    name = StreamName.FromStored(statement.Text(9));
                }
                var record = ReadRecord(statement, name);
                records.Add(record);
                bytes += record.Data.Length + record.Metadata.Length;
                if (bytes >= PageBytesMax)
                    return new LogPage(records, IsLast: false);
            }
            return new LogPage(records, IsLast: records.Count < limit);
        }
        finally
        {
            statement.Reset();
        }
    }

    private LogRecord ReadRecord(SqliteStatement row, StreamName name) => new(
        new LogPosition((ulong)row.Integer(0)),
        name,
        row.Integer(2),
        row.Guid(3),
        TypeName(row.Integer(4)),
        row.Integer(5),
        row.Blob(6),
        row.Blob(7)) { IsJson = row.Integer(8) == 0 };

    private string TypeName(long id)
    {
        if (_types.Find(id) is { } known)
            return known;
        _findType.Bind(1, id).Step();
        var name = _findType.Text(0);
        _findType.Reset();
        return _types.Add(id, name);
    }

    private long LastRevision(long streamId)
    {
        _lastRevision.Bind(1, streamId).Step();
        var last = _lastRevision.IntegerOrNull(0) ?? -1;
        _lastRevision.Reset();
        return last;
    }

    private StreamRow? Find(StreamName name)
    {
        try
        {
            if (!_findStream.Bind(1, name.Value).Step())
                return null;
            var maxAgeMs = _findStream.IntegerOrNull(3);
            return new StreamRow(
                _findStream.Integer(0),
                _findStream.Integer(1),
                _findStream.Integer(2),
                new StreamMetadata(
                    maxAgeMs is { } ms ? TimeSpan.FromMilliseconds(ms) : null,
                    _findStream.IntegerOrNull(4),
                    _findStream.IntegerOrNull(5)),
                _findStream.Integer(6) != 0);
        }
        finally
        {
            _findStream.Reset();
        }
    }

    private sealed record StreamRow(long Id, long First, long Floor, StreamMetadata Metadata, bool IsTombstoned);
}
