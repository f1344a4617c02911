using System.Text;

namespace Matrix.EventSourced.EventStore.Tests.Contract;

public abstract partial class EventStoreContract
{
    [Fact]
    public async Task first_append_gives_revision_zero_and_a_position_after_the_start()
    {
        var appended = Assert.IsType<AppendResult.Appended>(
            await Store.AppendAsync(Room, ExpectedRevision.NoStream, [Record()]));

        Assert.Equal(0, appended.Revision);
        Assert.True(appended.Position > LogPosition.Start);
        Assert.Equal(appended.Position, await Store.ReadHeadAsync());
    }

    [Fact]
    public async Task append_of_several_answers_the_last_of_them()
    {
        await AppendAsync(Room, Record());

        var appended = await AppendAsync(Room, Records(3));

        Assert.Equal(3, appended.Revision);
        Assert.Equal(appended.Position, (await ReadStreamAsync(Room))[^1].Position);
    }

    [Fact]
    public async Task head_of_an_empty_log_is_the_start() =>
        Assert.Equal(LogPosition.Start, await Store.ReadHeadAsync());

    [Theory]
    [InlineData(-1L, null, true)]
    [InlineData(-1L, 0L, false)]
    [InlineData(0L, 0L, true)]
    [InlineData(0L, null, false)]
    [InlineData(1L, 0L, false)]
    [InlineData(0L, 2L, false)]
    [InlineData(-2L, null, true)]
    [InlineData(-2L, 2L, true)]
    [InlineData(-4L, null, false)]
    [InlineData(-4L, 2L, true)]
    public async Task expected_revision_is_held_and_a_conflict_says_the_actual_one(
        long expected, long? actual, bool admitted)
    {
        if (actual is { } last)
            await AppendAsync(Room, Records((int)last + 1));
        var expectation = expected switch
        {
            -1 => ExpectedRevision.NoStream,
            -2 => ExpectedRevision.Any,
            -4 => ExpectedRevision.StreamExists,
            _ => ExpectedRevision.Exactly(expected),
        };

        var result = await Store.AppendAsync(Room, expectation, [Record()]);

        if (admitted)
            Assert.Equal((actual ?? -1) + 1, Assert.IsType<AppendResult.Appended>(result).Revision);
        else
            Assert.Equal(actual, Assert.IsType<AppendResult.Conflict>(result).ActualRevision);
        Assert.Equal((actual ?? -1) + (admitted ? 2 : 1), (await ReadStreamAsync(Room)).Count);
    }

    [Fact]
    public async Task same_ids_again_answer_the_first_revision_and_position_whatever_is_expected()
    {
        var records = Records(2);
        var first = await AppendAsync(Room, records);
        await AppendAsync(Room, Record());

        foreach (var expected in new[]
        {
            ExpectedRevision.Any, ExpectedRevision.NoStream, ExpectedRevision.Exactly(2), ExpectedRevision.Exactly(7),
        })
            Assert.Equal(first, await Store.AppendAsync(Room, expected, records));
        Assert.Equal(3, (await ReadStreamAsync(Room)).Count);
    }

    [Fact]
    public async Task single_record_again_changes_nothing()
    {
        var record = Record("{\"first\":1}");
        var first = await AppendAsync(Room, record);
        await AppendAsync(Room, Record());

        var again = await AppendAsync(Room, record with { Data = "{\"second\":2}"u8.ToArray() });

        Assert.Equal(first, again);
        Assert.Equal("{\"first\":1}", Encoding.UTF8.GetString((await ReadStreamAsync(Room))[0].Data.Span));
        Assert.Equal(2, (await ReadStreamAsync(Room)).Count);
    }

    [Fact]
    public async Task append_that_mixes_known_and_new_ids_is_a_conflict_and_appends_nothing()
    {
        var known = Record();
        await AppendAsync(Room, known);

        var result = await Store.AppendAsync(Room, ExpectedRevision.Any, [Record(), known]);

        Assert.Equal(0, Assert.IsType<AppendResult.Conflict>(result).ActualRevision);
        Assert.Single(await ReadStreamAsync(Room));
    }

    [Fact]
    public async Task same_id_in_another_stream_is_another_record()
    {
        var record = Record();
        await AppendAsync(Room, record);

        var appended = await AppendAsync(Other, record);

        Assert.Equal(0, appended.Revision);
        Assert.Equal(2, (await ReadAllAsync()).Count);
    }

    [Fact]
    public async Task record_of_one_mebibyte_is_kept_whole_and_a_larger_one_refused()
    {
        var metadata = "{}"u8.ToArray();
        var data = new byte[EventStoreLimits.RecordBytesMax - metadata.Length];
        new Random(7).NextBytes(data);
        var record = Record() with { Data = data, Metadata = metadata };

        await AppendAsync(Room, record);

        Assert.True((await ReadStreamAsync(Room))[0].Data.Span.SequenceEqual(data));
        await Assert.ThrowsAsync<ArgumentException>(
            async () =>
                await Store.AppendAsync(
                    Room, ExpectedRevision.Any, [Record() with { Data = new byte[data.Length + 3] }]));
        Assert.Single(await ReadStreamAsync(Room));
    }

    [Fact]
    public async Task empty_append_and_doubled_ids_are_refused()
    {
        var record = Record();

        await Assert.ThrowsAsync<ArgumentException>(
            async () => await Store.AppendAsync(Room, ExpectedRevision.Any, []));
        await Assert.ThrowsAsync<ArgumentException>(
            async () => await Store.AppendAsync(Room, ExpectedRevision.Any, [record, record]));
        Assert.Empty(await ReadAllAsync());
    }

    [Fact]
    public async Task cancelled_before_it_was_queued_an_append_does_nothing()
    {
        using var cancelled = new CancellationTokenSource();
        await cancelled.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            async () =>
                await Store.AppendAsync(Room, ExpectedRevision.Any, [Record()], cancellationToken: cancelled.Token));
        Assert.Empty(await ReadAllAsync());
    }

    [Fact]
    public async Task relaxed_append_is_visible_as_soon_as_it_is_acknowledged()
    {
        var result = await Store.AppendAsync(Room, ExpectedRevision.Any, [Record()], Durability.Relaxed);

        var appended = Assert.IsType<AppendResult.Appended>(result);
        Assert.Equal(appended.Position, Assert.Single(await ReadAllAsync()).Position);
        Assert.Equal(appended.Position, await Store.ReadHeadAsync());
    }

    [Fact]
    public async Task record_comes_back_as_it_was_given()
    {
        var record = new NewRecord(IdOf(99), "a.b.v1", "{\"æ\":\"\\u0000\"}"u8.ToArray(), ReadOnlyMemory<byte>.Empty);

        var appended = await AppendAsync(Room, record);

        var stored = Assert.Single(await ReadStreamAsync(Room));
        Assert.Equal(appended.Position, stored.Position);
        Assert.Equal(
            (Room, 0L, record.RecordId, record.Type), (stored.Stream, stored.Revision, stored.RecordId, stored.Type));
        Assert.Equal(Engine.Time.GetUtcNow().ToUnixTimeMilliseconds(), stored.CreatedMs);
        Assert.True(stored.Data.Span.SequenceEqual(record.Data.Span));
        Assert.True(stored.Metadata.IsEmpty);
    }

    [Fact]
    public async Task concurrent_writers_of_one_stream_each_win_a_revision_of_their_own()
    {
        const int Writers = 16;
        const int Each = 25;
        var conflicts = 0;

        await Task.WhenAll(Enumerable.Range(0, Writers).Select(async _ =>
        {
            await Task.Yield();
            for (var done = 0; done < Each;)
            {
                var last = await ReadStreamAsync(Room, direction: ReadDirection.Backwards, maxCount: 1);
                var expected = last.Count == 0 ? ExpectedRevision.NoStream : ExpectedRevision.Exactly(last[0].Revision);
                if (await Store.AppendAsync(Room, expected, [Record()]) is AppendResult.Appended)
                    done++;
                else
                    Interlocked.Increment(ref conflicts);
            }
        }));

        AssertRevisions(await ReadStreamAsync(Room), [.. Enumerable.Range(0, Writers * Each).Select(n => (long)n)]);
    }

    [Fact]
    public async Task concurrent_writers_of_many_streams_leave_one_order_without_gaps_in_any_stream()
    {
        const int Writers = 32;
        const int Each = 40;

        await Task.WhenAll(Enumerable.Range(0, Writers).Select(async writer =>
        {
            await Task.Yield();
            var stream = new StreamName("room", $"!{writer}:hs");
            for (var n = 0; n < Each; n++)
            {
                var durability = n % 5 == 0 ? Durability.Relaxed : Durability.Durable;
                var expected = n == 0 ? ExpectedRevision.NoStream : ExpectedRevision.Exactly(n - 1);
                Assert.IsType<AppendResult.Appended>(await Store.AppendAsync(stream, expected, [Record()], durability));
            }
        }));

        var all = await ReadAllAsync();
        Assert.Equal(Writers * Each, all.Count);
        Assert.Equal(all.OrderBy(record => record.Position), all);
        Assert.Equal(all.Count, all.Select(record => record.Position).Distinct().Count());
        foreach (var stream in all.GroupBy(record => record.Stream))
            AssertRevisions(stream, [.. Enumerable.Range(0, Each).Select(n => (long)n)]);
    }
}
