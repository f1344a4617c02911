using Matrix.EventSourced.EventStore.EventStoreDb;

namespace Matrix.EventSourced.EventStore.Tests.EventStoreDb;

/// <summary>The port's promises over a real node: those of the contract that do not need a log of their own, with what
/// a node does in its own way left out (when a hidden record leaves the whole log).</summary>
public sealed class Real_node : IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private EventStoreDbEventStore _store = null!;

    public async Task InitializeAsync()
    {
        if (RealNode.Url is not null)
            _store = await RealNode.ConnectAsync();
    }

    public async Task DisposeAsync()
    {
        if (_store is not null)
            await _store.DisposeAsync();
    }

    [RealNodeFact]
    public async Task appended_records_read_back_both_ways()
    {
        var stream = RealNode.Stream();
        var records = new[] { RealNode.Record(), RealNode.Record("{\"æ\":1}"u8.ToArray()), RealNode.Record() };

        var appended = Assert.IsType<AppendResult.Appended>(
            await _store.AppendAsync(stream, ExpectedRevision.NoStream, records));

        var forwards = await ReadAsync(stream, ReadDirection.Forwards);
        Assert.Equal(records.Select(record => record.RecordId), forwards.Select(record => record.RecordId));
        Assert.Equal((2L, forwards[2].Position), (appended.Revision, appended.Position));
        Assert.True(forwards[1].Data.Span.SequenceEqual(records[1].Data.Span));
        Assert.True(forwards[1].Metadata.Span.SequenceEqual(records[1].Metadata.Span));
        Assert.Equal([2L, 1L, 0L], (await ReadAsync(stream, ReadDirection.Backwards)).Select(record => record.Revision));
        Assert.True(await _store.ReadHeadAsync() >= appended.Position);
        Assert.Equal(new StreamState(2), await _store.ReadStreamStateAsync(stream));
    }

    [RealNodeFact]
    public async Task conflicts_say_the_actual_revision()
    {
        var stream = RealNode.Stream();
        Assert.Null(Assert.IsType<AppendResult.Conflict>(
            await _store.AppendAsync(stream, ExpectedRevision.Exactly(0), [RealNode.Record()])).ActualRevision);
        Assert.Null(Assert.IsType<AppendResult.Conflict>(
            await _store.AppendAsync(stream, ExpectedRevision.StreamExists, [RealNode.Record()])).ActualRevision);
        await _store.AppendAsync(stream, ExpectedRevision.Any, [RealNode.Record(), RealNode.Record()]);

        foreach (var expected in new[] { ExpectedRevision.NoStream, ExpectedRevision.Exactly(0), ExpectedRevision.Exactly(9) })
        {
            Assert.Equal(1, Assert.IsType<AppendResult.Conflict>(
                await _store.AppendAsync(stream, expected, [RealNode.Record()])).ActualRevision);
        }
    }

    [RealNodeFact]
    public async Task same_ids_again_answer_the_first_append_whatever_is_expected_and_whoever_asks()
    {
        var stream = RealNode.Stream();
        var records = new[] { RealNode.Record(), RealNode.Record() };
        var first = await _store.AppendAsync(stream, ExpectedRevision.NoStream, records);
        await _store.AppendAsync(stream, ExpectedRevision.Exactly(1), [RealNode.Record()]);
        await using var other = await RealNode.ConnectAsync();

        foreach (var store in new[] { _store, other })
        {
            foreach (var expected in new[]
            {
                ExpectedRevision.Any, ExpectedRevision.NoStream, ExpectedRevision.Exactly(2), ExpectedRevision.Exactly(7),
            })
                Assert.Equal(first, await store.AppendAsync(stream, expected, records));
        }
        Assert.Equal(3, (await ReadAsync(stream, ReadDirection.Forwards)).Count);
    }

    [RealNodeFact]
    public async Task chain_of_appends_that_wait_for_nothing_has_no_conflict()
    {
        var stream = RealNode.Stream();

        var results = await Task.WhenAll(Enumerable.Range(0, 500).Select(n => _store.AppendAsync(
            stream, n == 0 ? ExpectedRevision.NoStream : ExpectedRevision.Exactly(n - 1), [RealNode.Record()]).AsTask()));

        Assert.Equal(
            Enumerable.Range(0, 500).Select(n => (long)n),
            results.Select(result => Assert.IsType<AppendResult.Appended>(result).Revision));
    }

    [RealNodeFact]
    public async Task bounds_read_back_and_hide_from_the_stream()
    {
        var stream = RealNode.Stream();
        await _store.AppendAsync(stream, ExpectedRevision.Any, [RealNode.Record(), RealNode.Record(), RealNode.Record()]);
        var bounds = new StreamMetadata(TimeSpan.FromDays(3), 2, 1);

        await _store.SetStreamMetadataAsync(stream, bounds);
        await _store.SetStreamMetadataAsync(stream, bounds);

        Assert.Equal(bounds, await _store.ReadStreamMetadataAsync(stream));
        Assert.Equal([1L, 2L], (await ReadAsync(stream, ReadDirection.Forwards)).Select(record => record.Revision));
        Assert.Single(await ReadAsync(stream.Metadata, ReadDirection.Forwards));
    }

    [RealNodeFact]
    public async Task deleted_stream_goes_on_and_a_tombstoned_one_never()
    {
        var stream = RealNode.Stream();
        await _store.AppendAsync(stream, ExpectedRevision.Any, [RealNode.Record(), RealNode.Record()]);

        Assert.Equal(1, Assert.IsType<AppendResult.Appended>(
            await _store.DeleteAsync(stream, ExpectedRevision.Exactly(1))).Revision);
        Assert.Empty(await ReadAsync(stream, ReadDirection.Forwards));
        Assert.Equal(2, Assert.IsType<AppendResult.Appended>(
            await _store.AppendAsync(stream, ExpectedRevision.NoStream, [RealNode.Record()])).Revision);

        Assert.IsType<AppendResult.Appended>(await _store.TombstoneAsync(stream, ExpectedRevision.Any));
        Assert.Empty(await ReadAsync(stream, ReadDirection.Forwards));
        Assert.True((await _store.ReadStreamStateAsync(stream)).IsTombstoned);
        Assert.IsType<AppendResult.Tombstoned>(await _store.AppendAsync(stream, ExpectedRevision.Any, [RealNode.Record()]));
    }

    [RealNodeFact]
    public async Task subscribers_from_anywhere_see_everything_once_and_then_live()
    {
        var stream = RealNode.Stream();
        var before = await _store.ReadHeadAsync();
        for (var n = 0; n < 300; n++)
            await _store.AppendAsync(stream, ExpectedRevision.Any, [RealNode.Record()]);
        using var bounded = new CancellationTokenSource(Patience);
        await using var messages = _store.SubscribeAsync(before, new RecordFilter([stream.Value])).GetAsyncEnumerator(bounded.Token);

        var revisions = new List<long>();
        while (revisions.Count < 400)
        {
            Assert.True(await messages.MoveNextAsync());
            if (messages.Current is SubscriptionMessage.Recorded recorded)
                revisions.Add(recorded.Record.Revision);
            if (revisions.Count >= 300 && messages.Current is SubscriptionMessage.CaughtUp)
                await _store.AppendAsync(stream, ExpectedRevision.Any, [RealNode.Record()]);
        }

        Assert.Equal(Enumerable.Range(0, 400).Select(n => (long)n), revisions);
    }

    [RealNodeFact]
    public async Task whole_log_reads_after_a_position_forwards_and_up_to_it_backwards()
    {
        var stream = RealNode.Stream();
        var records = Enumerable.Range(0, 5).Select(_ => RealNode.Record()).ToList();
        await _store.AppendAsync(stream, ExpectedRevision.Any, records);
        var stored = await ReadAsync(stream, ReadDirection.Forwards);
        var filter = new RecordFilter([stream.Value]);

        Assert.Equal([3L, 4L], await RevisionsAsync(_store.ReadAllAsync(stored[2].Position, ReadDirection.Forwards, 100, filter)));
        Assert.Equal([2L, 1L, 0L], await RevisionsAsync(_store.ReadAllAsync(stored[2].Position, ReadDirection.Backwards, 3, filter)));
        var between = new LogPosition(stored[2].Position.Value + 1);
        if (stored[3].Position == between)
            return;
        // A position at which no record begins: a node counts bytes, the gateway records.
        Assert.Equal([3L, 4L], await RevisionsAsync(_store.ReadAllAsync(between, ReadDirection.Forwards, 100, filter)));
        Assert.Equal([2L], await RevisionsAsync(_store.ReadAllAsync(between, ReadDirection.Backwards, 1, filter)));
    }

    private Task<List<LogRecord>> ReadAsync(StreamName stream, ReadDirection direction) =>
        ToListAsync(_store.ReadStreamAsync(stream, null, direction, long.MaxValue));

    private static async Task<IEnumerable<long>> RevisionsAsync(IAsyncEnumerable<LogRecord> records) =>
        (await ToListAsync(records)).Select(record => record.Revision);

    private static async Task<List<LogRecord>> ToListAsync(IAsyncEnumerable<LogRecord> records)
    {
        var list = new List<LogRecord>();
        await foreach (var record in records)
            list.Add(record);
        return list;
    }
}
