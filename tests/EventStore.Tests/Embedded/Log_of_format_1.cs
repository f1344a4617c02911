using System.Text;
using Matrix.EventSourced.EventStore.Embedded;
using Matrix.EventSourced.EventStore.Embedded.Sqlite;

namespace Matrix.EventSourced.EventStore.Tests.Embedded;

/// <summary>A file that the first format's server left: it holds what it held, and then is one of today's.</summary>
public sealed class Log_of_format_1 : IAsyncLifetime
{
    /// <summary>The tables as they were.</summary>
    private const string Tables = """
        PRAGMA journal_mode = WAL;
        PRAGMA application_id = 1297630547;
        PRAGMA user_version = 1;
        CREATE TABLE records (
            position INTEGER PRIMARY KEY,
            stream INTEGER NOT NULL,
            revision INTEGER NOT NULL,
            type INTEGER NOT NULL,
            record_id BLOB NOT NULL,
            created_ms INTEGER NOT NULL,
            data BLOB NOT NULL,
            metadata BLOB NOT NULL);
        CREATE UNIQUE INDEX records_by_revision ON records (stream, revision);
        CREATE UNIQUE INDEX records_by_id ON records (stream, record_id);
        CREATE TABLE streams (
            id INTEGER PRIMARY KEY,
            name TEXT NOT NULL UNIQUE,
            first INTEGER NOT NULL DEFAULT 0,
            floor INTEGER NOT NULL DEFAULT -1,
            max_age_ms INTEGER,
            max_count INTEGER,
            truncate_before INTEGER);
        CREATE INDEX streams_bounded ON streams (id)
            WHERE first > 0 OR max_age_ms IS NOT NULL OR max_count IS NOT NULL OR truncate_before IS NOT NULL;
        CREATE TABLE types (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
        CREATE TABLE marks (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
        """;

    private static readonly StreamName Room = new("room", "!a:hs");
    private static readonly StreamName Bounded = new("typing", "!a:hs");
    private static readonly StreamName Deleted = new("user", "@a:hs");

    private readonly EmbeddedEngine _engine = new();

    private string Path => System.IO.Path.Combine(_engine.Folder, "log.sqlite");

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync() => await _engine.DisposeAsync();

    [Fact]
    public async Task keeps_records_bounds_and_deletions_and_gains_the_records_of_metadata()
    {
        Write(positionFloor: null);

        await using var store = await _engine.OpenEmbeddedAsync();

        Assert.Equal([1UL, 4], (await ReadAllAsync(store, null)).Select(record => record.Position.Value));
        Assert.All(await ReadAllAsync(store, null), record => Assert.True(record.IsJson));
        Assert.Equal(new StreamState(null), await store.ReadStreamStateAsync(Deleted));
        var bounds = new StreamMetadata(TimeSpan.FromSeconds(2), MaxCount: 1);
        Assert.Equal(
            bounds with { MaxAge = TimeSpan.FromMilliseconds(1500) }, await store.ReadStreamMetadataAsync(Bounded));
        var system = (await ReadAllAsync(store, RecordFilter.Everything))[^1];
        Assert.Equal((6UL, Bounded.Metadata, 0L), (system.Position.Value, system.Stream, system.Revision));
        Assert.Equal("{\"$maxAge\":2,\"$maxCount\":1}", Encoding.UTF8.GetString(system.Data.Span));
        Assert.Equal(system.Position, await store.ReadHeadAsync());
        var appended = Assert.IsType<AppendResult.Appended>(
            await store.AppendAsync(Bounded.Metadata, ExpectedRevision.Exactly(0), [Record(9, "{}")]));
        Assert.Equal((1L, 7UL), (appended.Revision, appended.Position.Value));
        Assert.Equal(new StreamMetadata(), await store.ReadStreamMetadataAsync(Bounded));
    }

    [Fact]
    public async Task is_one_of_todays_after_the_first_start()
    {
        Write(positionFloor: null);
        await (await _engine.OpenEmbeddedAsync()).DisposeAsync();

        await using var store = await _engine.OpenEmbeddedAsync();

        Assert.Single(
            await ReadAllAsync(store, RecordFilter.Everything), record => record.Stream == Bounded.Metadata);
        Assert.IsType<AppendResult.Appended>(await store.TombstoneAsync(Room, ExpectedRevision.Exactly(0)));
        Assert.IsType<AppendResult.Appended>(
            await store.AppendAsync(Bounded, ExpectedRevision.Any, [Record(8, "x") with { IsJson = false }]));
    }

    [Fact]
    public async Task gives_no_position_again_that_was_given_before()
    {
        Write(positionFloor: 100);

        await using var store = await _engine.OpenEmbeddedAsync();

        Assert.Equal(101UL, (await store.ReadHeadAsync()).Value);
    }

    private void Write(long? positionFloor)
    {
        using var database = new SqliteDatabase(Path, readOnly: false);
        database.Execute(Tables);
        database.Execute("""
            INSERT INTO types VALUES (1, 'test.happened.v1');
            INSERT INTO streams (id, name) VALUES (1, 'room-!a:hs');
            INSERT INTO streams (id, name, max_age_ms, max_count) VALUES (2, 'typing-!a:hs', 1500, 1);
            INSERT INTO streams (id, name, first) VALUES (3, 'user-@a:hs', 1);
            """);
        if (positionFloor is { } floor)
            database.Execute($"INSERT INTO marks VALUES ('position_floor', {floor})");
        Insert(database, 1, 1, 0);
        Insert(database, 3, 2, 0);
        Insert(database, 4, 2, 1);
        Insert(database, 5, 3, 0);
    }

    private void Insert(SqliteDatabase database, int position, int stream, int revision)
    {
        using var insert = database.PrepareOnce("INSERT INTO records VALUES (?1, ?2, ?3, 1, ?4, ?5, ?6, ?7)");
        var record = Record(position, "{}");
        insert.Bind(1, position).Bind(2, stream).Bind(3, revision).Bind(4, record.RecordId)
            .Bind(5, _engine.Time.GetUtcNow().ToUnixTimeMilliseconds())
            .Bind(6, record.Data.Span).Bind(7, record.Metadata.Span).Run();
    }

    private static NewRecord Record(int id, string data) => new(
        new Guid(id, 1, 1, [1, 2, 3, 4, 5, 6, 7, 8]), "test.happened.v1", Encoding.UTF8.GetBytes(data), "{}"u8.ToArray());

    private static async Task<List<LogRecord>> ReadAllAsync(EmbeddedEventStore store, RecordFilter? filter)
    {
        var records = new List<LogRecord>();
        await foreach (var record in store.ReadAllAsync(null, ReadDirection.Forwards, long.MaxValue, filter))
            records.Add(record);
        return records;
    }
}
