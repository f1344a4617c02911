namespace Matrix.EventSourced.EventStore.Tests.Contract;

public abstract partial class EventStoreContract
{
    [Fact]
    public async Task stream_without_metadata_has_no_bounds() =>
        Assert.Equal(new StreamMetadata(), await Store.ReadStreamMetadataAsync(Room));

    [Fact]
    public async Task metadata_reads_back_and_may_come_before_the_first_record()
    {
        var metadata = new StreamMetadata(TimeSpan.FromDays(3), 7, 2);

        await Store.SetStreamMetadataAsync(Room, metadata);

        Assert.Equal(metadata, await Store.ReadStreamMetadataAsync(Room));
        Assert.Equal(0, Assert.IsType<AppendResult.Appended>(
            await Store.AppendAsync(Room, ExpectedRevision.NoStream, [Record()])).Revision);
    }

    [Fact]
    public async Task max_count_keeps_the_last_records_and_the_revisions_go_on()
    {
        await Store.SetStreamMetadataAsync(Room, new StreamMetadata(MaxCount: 2));
        await AppendAsync(Room, Records(5));

        AssertRevisions(await ReadStreamAsync(Room), 3, 4);
        AssertRevisions(await ReadStreamAsync(Room, 0), 3, 4);
        AssertRevisions(await ReadStreamAsync(Room, direction: ReadDirection.Backwards), 4, 3);
        AssertRevisions(await ReadAllAsync(), 3, 4);
        AssertRevisions(await ReadAllAsync(direction: ReadDirection.Backwards), 4, 3);
        Assert.Equal(5, Assert.IsType<AppendResult.Appended>(
            await Store.AppendAsync(Room, ExpectedRevision.Exactly(4), [Record()])).Revision);
    }

    [Fact]
    public async Task max_age_hides_what_has_become_old()
    {
        await Store.SetStreamMetadataAsync(Room, new StreamMetadata(MaxAge: TimeSpan.FromMinutes(5)));
        await AppendAsync(Room, Records(2));
        Engine.Time.Advance(TimeSpan.FromMinutes(4));
        await AppendAsync(Room, Record());
        AssertRevisions(await ReadStreamAsync(Room), 0, 1, 2);

        Engine.Time.Advance(TimeSpan.FromMinutes(2));

        AssertRevisions(await ReadStreamAsync(Room), 2);
        AssertRevisions(await ReadAllAsync(), 2);
        Engine.Time.Advance(TimeSpan.FromMinutes(20));
        Assert.Empty(await ReadStreamAsync(Room));
        Assert.Equal(3, (await AppendAsync(Room, Record())).Revision);
    }

    [Fact]
    public async Task truncate_before_hides_what_stands_before_it()
    {
        await AppendAsync(Room, Records(5));

        await Store.SetStreamMetadataAsync(Room, new StreamMetadata(TruncateBefore: 3));

        AssertRevisions(await ReadStreamAsync(Room), 3, 4);
        AssertRevisions(await ReadStreamAsync(Room, direction: ReadDirection.Backwards), 4, 3);
        AssertRevisions(await ReadAllAsync(), 3, 4);
        await Store.SetStreamMetadataAsync(Room, new StreamMetadata(TruncateBefore: 9));
        Assert.Empty(await ReadStreamAsync(Room));
        Assert.Equal(5, (await AppendAsync(Room, Record())).Revision);
    }

    [Fact]
    public async Task deleted_stream_is_empty_and_goes_on_with_the_next_revision()
    {
        await AppendAsync(Room, Records(3));
        await AppendAsync(Other, Record());

        Assert.Equal(2, Assert.IsType<AppendResult.Appended>(
            await Store.DeleteAsync(Room, ExpectedRevision.Exactly(2))).Revision);

        Assert.Empty(await ReadStreamAsync(Room));
        Assert.Equal(Other, Assert.Single(await ReadAllAsync()).Stream);
        Assert.Null(Assert.IsType<AppendResult.Conflict>(
            await Store.AppendAsync(Room, ExpectedRevision.Exactly(2), [Record()])).ActualRevision);
        Assert.Equal(3, Assert.IsType<AppendResult.Appended>(
            await Store.AppendAsync(Room, ExpectedRevision.NoStream, [Record()])).Revision);
        AssertRevisions(await ReadStreamAsync(Room), 3);
    }

    [Fact]
    public async Task deletion_holds_the_expected_revision()
    {
        await AppendAsync(Room, Records(3));

        Assert.Equal(2, Assert.IsType<AppendResult.Conflict>(
            await Store.DeleteAsync(Room, ExpectedRevision.Exactly(1))).ActualRevision);
        Assert.Equal(3, (await ReadStreamAsync(Room)).Count);
        Assert.Null(Assert.IsType<AppendResult.Conflict>(
            await Store.DeleteAsync(Other, ExpectedRevision.StreamExists)).ActualRevision);
    }

    [Fact]
    public async Task bounds_of_one_stream_leave_the_others_alone()
    {
        await AppendAsync(Other, Records(3));
        await AppendAsync(Room, Records(3));

        await Store.SetStreamMetadataAsync(Room, new StreamMetadata(MaxCount: 1));

        Assert.Equal(3, (await ReadStreamAsync(Other)).Count);
        Assert.Equal(4, (await ReadAllAsync()).Count);
    }

    [Fact]
    public async Task head_never_goes_back_when_the_last_record_is_hidden()
    {
        await AppendAsync(Other, Record());
        await AppendAsync(Room, Records(2));
        var head = await Store.ReadHeadAsync();

        await Store.DeleteAsync(Room, ExpectedRevision.Any);

        Assert.True(await Store.ReadHeadAsync() >= head);
        if (Engine.IsPersistent)
        {
            // A checkpoint beyond the head would look like one of another log.
            await Engine.CloseAsync(Store);
            Store = await Engine.OpenAsync();
            Assert.True(await Store.ReadHeadAsync() >= head);
        }
        using var bounded = Bounded();
        Assert.True((await TakeUntilCaughtUpAsync(Store.SubscribeAsync(LogPosition.Start), bounded.Token)).CaughtUpAt >= head);
    }
}
