using System.Text;
using Matrix.EventSourced.EventStore.Embedded;

namespace Matrix.EventSourced.EventStore.Tests.Embedded;

/// <summary>What only the embedded engine promises.</summary>
public sealed class Embedded_engine_alone : IAsyncLifetime
{
    private static readonly StreamName Room = new("room", "!a:hs");
    private static readonly StreamName Other = new("room", "!b:hs");

    private readonly EmbeddedEngine _engine = new();
    private int _lastId;

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync() => await _engine.DisposeAsync();

    [Fact]
    public async Task second_process_is_refused_until_the_first_lets_go()
    {
        var first = await _engine.OpenEmbeddedAsync();

        var refused = await Assert.ThrowsAsync<EventStoreException>(async () => await _engine.OpenEmbeddedAsync());

        Assert.Contains("log.lock", refused.Message, StringComparison.Ordinal);
        await first.DisposeAsync();
        await using var second = await _engine.OpenEmbeddedAsync();
    }

    [Fact]
    public async Task file_that_is_not_a_log_is_refused()
    {
        await File.WriteAllTextAsync(Path.Combine(_engine.Folder, "log.sqlite"), new string('x', 8192));

        await Assert.ThrowsAsync<EventStoreException>(async () => await _engine.OpenEmbeddedAsync());
    }

    [Fact]
    public async Task reopened_log_holds_records_bounds_and_deletions()
    {
        var first = await _engine.OpenEmbeddedAsync();
        var last = await AppendAsync(first, Room, 5);
        await first.SetStreamMetadataAsync(Room, new StreamMetadata(MaxCount: 2));
        await AppendAsync(first, Other, 3);
        await first.DeleteAsync(Other, ExpectedRevision.Any);
        var head = await first.ReadHeadAsync();
        await first.DisposeAsync();
        Assert.False(File.Exists(Path.Combine(_engine.Folder, "log.sqlite-wal")), "A clean stop leaves one file.");

        await using var store = await _engine.OpenEmbeddedAsync();

        Assert.Equal(head, await store.ReadHeadAsync());
        Assert.Equal([3L, 4L], await RevisionsAsync(store, Room));
        Assert.Empty(await RevisionsAsync(store, Other));
        Assert.Equal(2, (await store.ReadStreamMetadataAsync(Room)).MaxCount);
        Assert.True((await AppendAsync(store, Room, 1)).Position > head);
        Assert.Equal(3, (await AppendAsync(store, Other, 1)).Revision);
        Assert.Equal(4, last.Revision);
    }

    [Fact]
    public async Task relaxed_records_survive_a_clean_stop()
    {
        var first = await _engine.OpenEmbeddedAsync();
        for (var n = 0; n < 20; n++)
            await first.AppendAsync(Room, ExpectedRevision.Any, [Record()], Durability.Relaxed);
        await first.DisposeAsync();

        await using var store = await _engine.OpenEmbeddedAsync();

        Assert.Equal(20, (await RevisionsAsync(store, Room)).Count);
    }

    [Fact]
    public async Task scavenging_removes_what_is_hidden_and_nothing_changes_for_readers()
    {
        await using var store = await _engine.OpenEmbeddedAsync();
        await store.SetStreamMetadataAsync(Room, new StreamMetadata(MaxCount: 3));
        for (var n = 0; n < 20; n++)
            await AppendAsync(store, Room, 100);
        await AppendAsync(store, Other, 10);
        await store.DeleteAsync(Other, ExpectedRevision.Any);
        var head = await store.ReadHeadAsync();
        Assert.Equal([1997L, 1998, 1999], await RevisionsAsync(store, Room));

        Assert.Equal(1997 + 10, await store.ScavengeAsync());

        Assert.Equal([1997L, 1998, 1999], await RevisionsAsync(store, Room));
        Assert.Empty(await RevisionsAsync(store, Other));
        Assert.Equal(0, await store.ScavengeAsync());
        Assert.Equal(10, (await AppendAsync(store, Other, 1)).Revision);
        Assert.True(await store.ReadHeadAsync() > head);
    }

    [Fact]
    public async Task positions_and_revisions_go_on_after_the_last_records_were_removed()
    {
        var first = await _engine.OpenEmbeddedAsync();
        await AppendAsync(first, Other, 1);
        await first.SetStreamMetadataAsync(Room, new StreamMetadata(MaxAge: TimeSpan.FromMinutes(1)));
        var last = await AppendAsync(first, Room, 7);
        _engine.Time.Advance(TimeSpan.FromMinutes(2));
        await first.ScavengeAsync();
        await first.DisposeAsync();

        await using var store = await _engine.OpenEmbeddedAsync();
        var next = await AppendAsync(store, Room, 1);

        Assert.Equal(7, next.Revision);
        Assert.True(next.Position > last.Position);
    }

    [Fact]
    public async Task timer_scavenges_without_being_asked()
    {
        await using var store = await _engine.OpenEmbeddedAsync();
        await store.SetStreamMetadataAsync(Room, new StreamMetadata(MaxCount: 1));
        await AppendAsync(store, Room, 5);

        _engine.Time.Advance(TimeSpan.FromMinutes(11));
        await AppendAsync(store, Other, 1);

        Assert.Equal(0, await store.ScavengeAsync());
    }

    [Fact]
    public async Task rewritten_record_keeps_its_place_and_the_old_data_is_nowhere_in_the_files()
    {
        const string Secret = "the-secret-that-must-go";
        await using var store = await _engine.OpenEmbeddedAsync();
        await AppendAsync(store, Room, 3);
        var secret = Record($"{{\"body\":\"{Secret}\"}}");
        var appended = Assert.IsType<AppendResult.Appended>(
            await store.AppendAsync(Room, ExpectedRevision.Any, [secret]));
        await AppendAsync(store, Room, 3);

        await store.RewriteAsync(appended.Position, "{}"u8.ToArray());

        // The next commit finds the write-ahead log emptied.
        await AppendAsync(store, Room, 1);
        var record = (await ToListAsync(store.ReadStreamAsync(Room, 3, ReadDirection.Forwards, 1)))[0];
        Assert.Equal("{}", Encoding.UTF8.GetString(record.Data.Span));
        Assert.Equal((appended.Position, secret.RecordId), (record.Position, record.RecordId));
        Assert.Equal(appended, await store.AppendAsync(Room, ExpectedRevision.Any, [secret]));
        foreach (var file in Directory.GetFiles(_engine.Folder, "log.sqlite*"))
            Assert.DoesNotContain(Secret, Encoding.Latin1.GetString(ReadShared(file)), StringComparison.Ordinal);
        await Assert.ThrowsAsync<EventStoreException>(
            async () => await store.RewriteAsync(new LogPosition(999), default));
    }

    [Fact]
    public async Task slow_subscriber_falls_behind_and_still_sees_everything_once()
    {
        const int Count = 500;
        await using var store = await _engine.OpenEmbeddedAsync(
            new EmbeddedOptions { Folder = _engine.Folder, RecentRecordsMax = 16 });
        using var bounded = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        await using var messages = store.SubscribeAsync(LogPosition.Start).GetAsyncEnumerator(bounded.Token);
        Assert.True(await messages.MoveNextAsync());
        Assert.IsType<SubscriptionMessage.CaughtUp>(messages.Current);

        for (var n = 0; n < Count; n++)
            await AppendAsync(store, n % 2 == 0 ? Room : Other, 1);

        var positions = new List<LogPosition>();
        var fellBehind = 0;
        while (await messages.MoveNextAsync())
        {
            if (messages.Current is SubscriptionMessage.FellBehind)
                fellBehind++;
            if (messages.Current is SubscriptionMessage.Recorded recorded)
                positions.Add(recorded.Record.Position);
            if (messages.Current is SubscriptionMessage.CaughtUp && positions.Count == Count)
                break;
        }
        Assert.Equal(1, fellBehind);
        var all = await ToListAsync(store.ReadAllAsync(null, ReadDirection.Forwards, long.MaxValue));
        Assert.Equal(all.Select(record => record.Position), positions);
    }

    [Fact]
    public async Task closing_ends_a_waiting_subscription_and_refuses_appends()
    {
        var store = await _engine.OpenEmbeddedAsync();
        await using var messages = store.SubscribeAsync(LogPosition.Start).GetAsyncEnumerator();
        Assert.True(await messages.MoveNextAsync());
        var waiting = messages.MoveNextAsync();

        await store.DisposeAsync();

        await Assert.ThrowsAsync<EventStoreException>(async () => await waiting);
        await Assert.ThrowsAsync<EventStoreException>(async () => await AppendAsync(store, Room, 1));
    }

    [Fact]
    public async Task more_streams_than_heads_in_memory_keep_their_revisions()
    {
        await using var store = await _engine.OpenEmbeddedAsync(
            new EmbeddedOptions { Folder = _engine.Folder, StreamHeadsMax = 3 });
        for (var round = 0; round < 5; round++)
        {
            for (var n = 0; n < 10; n++)
                Assert.Equal(round, (await AppendAsync(store, new StreamName("room", $"!{n}:hs"), 1)).Revision);
        }
    }

    private NewRecord Record(string data = "{\"n\":1}") =>
        new(IdOf(++_lastId), "test.happened.v1", Encoding.UTF8.GetBytes(data), "{}"u8.ToArray());

    private static Guid IdOf(int number) => new(number, 1, 1, [1, 2, 3, 4, 5, 6, 7, 8]);

    private async Task<AppendResult.Appended> AppendAsync(EmbeddedEventStore store, StreamName stream, int count) =>
        Assert.IsType<AppendResult.Appended>(await store.AppendAsync(
            stream, ExpectedRevision.Any, [.. Enumerable.Range(0, count).Select(_ => Record())]));

    private static async Task<List<long>> RevisionsAsync(EmbeddedEventStore store, StreamName stream) =>
        (await ToListAsync(store.ReadStreamAsync(stream, null, ReadDirection.Forwards, long.MaxValue)))
        .ConvertAll(record => record.Revision);

    private static async Task<List<LogRecord>> ToListAsync(IAsyncEnumerable<LogRecord> records)
    {
        var list = new List<LogRecord>();
        await foreach (var record in records)
            list.Add(record);
        return list;
    }

    private static byte[] ReadShared(string path)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        var bytes = new byte[file.Length];
        file.ReadExactly(bytes);
        return bytes;
    }
}
