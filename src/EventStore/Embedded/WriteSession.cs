using Matrix.EventSourced.EventStore.Embedded.Sqlite;

namespace Matrix.EventSourced.EventStore.Embedded;

/// <summary>The writer's connection, with what it remembers: stream heads, type ids, the last position. One
/// thread.</summary>
// HOT
internal sealed class WriteSession : IDisposable
{
    /// <summary>So many positions are left out after a crash: more than relaxed records can have been lost in
    /// it.</summary>
    public const long PositionsSkippedAfterCrash = 1_000_000;

    private readonly SqliteDatabase _database;
    private readonly TimeProvider _time;
    private readonly Action<string>? _beforeOperation;
    private readonly StreamHeads _heads;
    private readonly Dictionary<string, long> _typeToId = new(StringComparer.Ordinal);
    private readonly SqliteStatement _begin;
    private readonly SqliteStatement _commit;
    private readonly SqliteStatement _insertRecord;
    private readonly SqliteStatement _findRecord;
    private readonly SqliteStatement _findStream;
    private readonly SqliteStatement _insertStream;
    private readonly SqliteStatement _lastRevision;
    private readonly SqliteStatement _findType;
    private readonly SqliteStatement _insertType;
    private readonly List<LogRecord> _added = [];
    private long _lastPosition;
    private long _lastVisible;
    private long _nowMs;
    private bool _flushes = true;

    public WriteSession(SqliteDatabase database, TimeProvider time, EmbeddedOptions options, bool afterCrash)
    {
        _database = database;
        _time = time;
        _beforeOperation = options.BeforeOperation;
        _heads = new StreamHeads(options.StreamHeadsMax);
        _begin = database.Prepare("BEGIN IMMEDIATE");
        _commit = database.Prepare("COMMIT");
        _insertRecord = database.Prepare("""
            INSERT OR IGNORE INTO records
                (position, stream, revision, type, record_id, created_ms, data, metadata, is_binary)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
            """);
        _findRecord = database.Prepare("SELECT revision, position FROM records WHERE stream = ?1 AND record_id = ?2");
        _findStream = database.Prepare("SELECT id, first, floor, tombstoned FROM streams WHERE name = ?1");
        _insertStream = database.Prepare("INSERT INTO streams (name, max_count) VALUES (?1, ?2)");
        _lastRevision = database.Prepare("SELECT max(revision) FROM records WHERE stream = ?1");
        _findType = database.Prepare("SELECT id FROM types WHERE name = ?1");
        _insertType = database.Prepare("INSERT INTO types (name) VALUES (?1)");
        _lastVisible = database.QueryInteger("SELECT max(position) FROM records");
        _lastPosition = Math.Max(
            _lastVisible, database.QueryInteger("SELECT max(value) FROM marks WHERE name = 'position_floor'"));
        if (afterCrash)
        {
            // Relaxed records may have been seen and then lost with the power; their positions must not come again with
            // other records, or a projection that had seen the lost ones would skip the new ones.
            _lastPosition += PositionsSkippedAfterCrash;
            RaisePositionFloor();
        }
    }

    public SqliteDatabase Database => _database;

    /// <summary>The position of the last committed record.</summary>
    public LogPosition LastVisible => new((ulong)_lastVisible);

    /// <summary>The records of the open transaction, in order.</summary>
    public List<LogRecord> Added => _added;

    /// <summary>Opens a transaction. Durable: its commit waits for the disk.</summary>
    public void Begin(bool durable)
    {
        _beforeOperation?.Invoke("begin");
        if (durable != _flushes)
        {
            _database.Execute(durable ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
            _flushes = durable;
        }
        _added.Clear();
        _nowMs = _time.GetUtcNow().ToUnixTimeMilliseconds();
        _begin.Run();
    }

    public void Commit()
    {
        _beforeOperation?.Invoke("commit");
        _commit.Run();
        if (_added.Count > 0)
            _lastVisible = (long)_added[^1].Position.Value;
    }

    /// <summary>Takes back the open transaction and all that was remembered from it.</summary>
    public void Rollback()
    {
        if (_database.IsInTransaction)
            _database.Execute("ROLLBACK");
        _heads.Clear();
        _typeToId.Clear();
        _added.Clear();
    }

    public AppendResult Append(StreamName name, ExpectedRevision expected, IReadOnlyList<NewRecord> records)
    {
        var stream = FindHead(name.Value);
        if (stream?.IsTombstoned == true || (name.IsMetadata && FindHead(name.Described.Value)?.IsTombstoned == true))
            return new AppendResult.Tombstoned();
        var actual = stream?.Actual;
        if (!expected.Admits(actual))
            return FindOriginal(stream, records, out _) ?? (AppendResult)new AppendResult.Conflict(actual);
        if (records.Count > 1 && stream is not null)
        {
            if (FindOriginal(stream, records, out var knownCount) is { } original)
                return original;
            if (knownCount > 0)
                return new AppendResult.Conflict(actual);
        }
        stream ??= AddStream(name);
        for (var i = 0; i < records.Count; i++)
        {
            // The unique index refuses a record that stands already, which saves the question before each append.
            if (!TryInsert(stream, name, records[i]))
                return FindOriginal(stream, records, out _)
                    ?? throw new EventStoreException($"The stream {name} is inconsistent.");
        }
        if (name.IsMetadata)
            StreamChanges.ApplyMetadata(this, name.Described, records[^1].Data);
        return new AppendResult.Appended(stream.Head, new LogPosition((ulong)_lastPosition));
    }

    public StreamHead? FindHead(string name)
    {
        if (_heads.Find(name) is { } known)
            return known;
        _beforeOperation?.Invoke("find stream");
        _findStream.Bind(1, name);
        if (!_findStream.Step())
        {
            _findStream.Reset();
            return null;
        }
        var (id, first, floor) = (_findStream.Integer(0), _findStream.Integer(1), _findStream.Integer(2));
        var isTombstoned = _findStream.Integer(3) != 0;
        _findStream.Reset();
        var head = new StreamHead(name, id, first, Math.Max(floor, LastRevision(id)), isTombstoned);
        _heads.Add(head);
        return head;
    }

    public StreamHead AddStream(StreamName name)
    {
        _beforeOperation?.Invoke("add stream");
        _insertStream.Bind(1, name.Value).Bind(2, StreamBounds.Of(name).MaxCount).Run();
        var head = new StreamHead(name.Value, _database.LastRowId, first: 0, head: -1);
        _heads.Add(head);
        return head;
    }

    /// <summary>Remembers that no position up to the last one may be given again, even when the last records are
    /// removed.</summary>
    public void RaisePositionFloor() =>
        _database.Execute($"INSERT OR REPLACE INTO marks (name, value) VALUES ('position_floor', {_lastPosition})");

    public long LastRevision(long streamId)
    {
        _lastRevision.Bind(1, streamId).Step();
        var last = _lastRevision.IntegerOrNull(0) ?? -1;
        _lastRevision.Reset();
        return last;
    }

    public void Dispose() => _database.Dispose();

    private bool TryInsert(StreamHead stream, StreamName name, NewRecord record)
    {
        var typeId = IdOfType(record.Type);
        var position = _lastPosition + 1;
        var revision = stream.Head + 1;
        _beforeOperation?.Invoke("insert");
        _insertRecord
            .Bind(1, position)
            .Bind(2, stream.Id)
            .Bind(3, revision)
            .Bind(4, typeId)
            .Bind(5, record.RecordId)
            .Bind(6, _nowMs)
            .Bind(7, record.Data.Span)
            .Bind(8, record.Metadata.Span)
            .Bind(9, record.IsJson ? 0L : 1L)
            .Run();
        if (_database.Changes == 0)
            return false;
        _lastPosition = position;
        stream.Head = revision;
        _added.Add(new LogRecord(
            new LogPosition((ulong)position),
            name,
            revision,
            record.RecordId,
            record.Type,
            _nowMs,
            record.Data,
            record.Metadata) { IsJson = record.IsJson });
        return true;
    }

    /// <summary>What an earlier append of exactly these ids was answered; null when some of them are new.</summary>
    private AppendResult.Appended? FindOriginal(
        StreamHead? stream, IReadOnlyList<NewRecord> records, out int knownCount)
    {
        knownCount = 0;
        if (stream is null)
            return null;
        AppendResult.Appended? last = null;
        for (var i = 0; i < records.Count; i++)
        {
            _findRecord.Bind(1, stream.Id).Bind(2, records[i].RecordId);
            last = null;
            if (_findRecord.Step())
            {
                last = new AppendResult.Appended(
                    _findRecord.Integer(0), new LogPosition((ulong)_findRecord.Integer(1)));
                knownCount++;
            }
            _findRecord.Reset();
        }
        return knownCount == records.Count ? last : null;
    }

    private long IdOfType(string type)
    {
        if (_typeToId.TryGetValue(type, out var id))
            return id;
        _findType.Bind(1, type);
        if (_findType.Step())
        {
            id = _findType.Integer(0);
            _findType.Reset();
        }
        else
        {
            _findType.Reset();
            _insertType.Bind(1, type).Run();
            id = _database.LastRowId;
        }
        _typeToId.Add(type, id);
        return id;
    }
}
