namespace Matrix.EventSourced.EventStore.Tests.Contract;

public abstract partial class EventStoreContract
{
    [Fact]
    public async Task stream_that_does_not_exist_reads_as_empty()
    {
        Assert.Empty(await ReadStreamAsync(Room));
        Assert.Empty(await ReadStreamAsync(Room, direction: ReadDirection.Backwards));
    }

    [Theory]
    [InlineData(null, ReadDirection.Forwards, 3, new long[] { 0, 1, 2 })]
    [InlineData(2L, ReadDirection.Forwards, 2, new long[] { 2, 3 })]
    [InlineData(4L, ReadDirection.Forwards, 9, new long[] { 4 })]
    [InlineData(5L, ReadDirection.Forwards, 9, new long[] { })]
    [InlineData(null, ReadDirection.Backwards, 2, new long[] { 4, 3 })]
    [InlineData(1L, ReadDirection.Backwards, 9, new long[] { 1, 0 })]
    [InlineData(9L, ReadDirection.Backwards, 1, new long[] { 4 })]
    [InlineData(null, ReadDirection.Forwards, 0, new long[] { })]
    public async Task stream_reads_from_a_revision_in_both_directions(
        long? from, ReadDirection direction, long maxCount, long[] revisions)
    {
        await AppendAsync(Other, Record());
        await AppendAsync(Room, Records(3));
        await AppendAsync(Other, Record());
        await AppendAsync(Room, Records(2));

        AssertRevisions(await ReadStreamAsync(Room, from, direction, maxCount), revisions);
    }

    [Fact]
    public async Task whole_log_reads_in_the_order_of_the_appends_both_ways()
    {
        await AppendAsync(Room, Records(2));
        await AppendAsync(Other, Record());
        await AppendAsync(Room, Record());

        var forwards = await ReadAllAsync();
        var backwards = await ReadAllAsync(direction: ReadDirection.Backwards);

        Assert.Equal(
            ["room 0", "room 1", "user 0", "room 2"], forwards.Select(r => $"{r.Stream.Category} {r.Revision}"));
        Assert.Equal(forwards.Select(r => r.Position), backwards.Select(r => r.Position).Reverse());
        Assert.Equal(forwards.Select(r => r.Position).Order(), forwards.Select(r => r.Position));
    }

    [Fact]
    public async Task whole_log_reads_after_a_position_forwards_and_up_to_it_backwards()
    {
        await AppendAsync(Room, Records(5));
        var positions = (await ReadAllAsync()).ConvertAll(record => record.Position);

        AssertRevisions(await ReadAllAsync(positions[2]), 3, 4);
        AssertRevisions(await ReadAllAsync(positions[2], ReadDirection.Backwards), 2, 1, 0);
        AssertRevisions(await ReadAllAsync(positions[2], ReadDirection.Backwards, 1), 2);
        AssertRevisions(await ReadAllAsync(LogPosition.Start, maxCount: 2), 0, 1);
        Assert.Empty(await ReadAllAsync(positions[4]));
        Assert.Empty(await ReadAllAsync(LogPosition.Start, ReadDirection.Backwards));
    }

    [Fact]
    public async Task ten_thousand_records_read_back_in_order()
    {
        const int Count = 10_000;
        for (var n = 0; n < Count; n += 500)
            await AppendAsync(n % 1000 == 0 ? Room : Other, Records(500));

        var all = await ReadAllAsync();
        var room = await ReadStreamAsync(Room);
        var backwards = await ReadStreamAsync(Room, direction: ReadDirection.Backwards);

        Assert.Equal(Count, all.Count);
        Assert.Equal(all.Select(r => r.Position).Order(), all.Select(r => r.Position));
        AssertRevisions(room, [.. Enumerable.Range(0, Count / 2).Select(n => (long)n)]);
        AssertRevisions(backwards, [.. Enumerable.Range(0, Count / 2).Select(n => (long)n).Reverse()]);
    }

    [Fact]
    public async Task read_ends_when_it_is_cancelled()
    {
        await AppendAsync(Room, Records(3));
        using var cancel = new CancellationTokenSource();
        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => ToListAsync(Store.ReadStreamAsync(Room, null, ReadDirection.Forwards, 9, cancel.Token)));
    }
}
