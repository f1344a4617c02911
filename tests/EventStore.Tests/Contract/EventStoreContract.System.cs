using System.Text;
using System.Text.RegularExpressions;

namespace Matrix.EventSourced.EventStore.Tests.Contract;

public abstract partial class EventStoreContract
{
    [Fact]
    public async Task state_of_a_stream_tells_what_exists_and_where_it_ends()
    {
        Assert.Equal(new StreamState(null), await Store.ReadStreamStateAsync(Room));

        await AppendAsync(Room, Records(3));
        Assert.Equal(new StreamState(2), await Store.ReadStreamStateAsync(Room));

        await Store.DeleteAsync(Room, ExpectedRevision.Any);
        Assert.Equal(new StreamState(null), await Store.ReadStreamStateAsync(Room));

        await AppendAsync(Room, Record());
        Assert.Equal(new StreamState(3), await Store.ReadStreamStateAsync(Room));
    }

    [Fact]
    public async Task tombstoned_stream_never_comes_back()
    {
        var known = Record();
        await AppendAsync(Room, known, Record());
        await AppendAsync(Other, Record());

        Assert.Equal(1, Assert.IsType<AppendResult.Appended>(
            await Store.TombstoneAsync(Room, ExpectedRevision.Exactly(1))).Revision);

        Assert.Equal(new StreamState(null, IsTombstoned: true), await Store.ReadStreamStateAsync(Room));
        Assert.Empty(await ReadStreamAsync(Room));
        Assert.Equal(Other, Assert.Single(await ReadAllAsync()).Stream);
        Assert.IsType<AppendResult.Tombstoned>(await Store.AppendAsync(Room, ExpectedRevision.NoStream, [Record()]));
        Assert.IsType<AppendResult.Tombstoned>(await Store.AppendAsync(Room, ExpectedRevision.Any, [known]));
        Assert.IsType<AppendResult.Tombstoned>(await Store.DeleteAsync(Room, ExpectedRevision.Any));
        Assert.IsType<AppendResult.Tombstoned>(await Store.TombstoneAsync(Room, ExpectedRevision.Any));
        await Store.SetStreamMetadataAsync(Room, new StreamMetadata(MaxCount: 1));
        Assert.Single(await ReadAllAsync(filter: RecordFilter.Everything));
    }

    [Fact]
    public async Task tombstone_holds_the_expected_revision_and_may_come_before_the_first_record()
    {
        await AppendAsync(Room, Records(2));

        Assert.Equal(1, Assert.IsType<AppendResult.Conflict>(
            await Store.TombstoneAsync(Room, ExpectedRevision.Exactly(0))).ActualRevision);
        Assert.IsType<AppendResult.Appended>(await Store.TombstoneAsync(Other, ExpectedRevision.NoStream));

        Assert.Equal(2, (await ReadStreamAsync(Room)).Count);
        Assert.IsType<AppendResult.Tombstoned>(await Store.AppendAsync(Other, ExpectedRevision.Any, [Record()]));
    }

    [Fact]
    public async Task tombstone_in_a_burst_of_appends_disturbs_no_other_stream()
    {
        await Store.TombstoneAsync(Room, ExpectedRevision.NoStream);

        var results = await Task.WhenAll(Enumerable.Range(0, 100).Select(async n =>
        {
            await Task.Yield();
            return await Store.AppendAsync(n % 2 == 0 ? Room : Other, ExpectedRevision.Any, [Record()]);
        }));

        Assert.Equal(50, results.Count(result => result is AppendResult.Tombstoned));
        Assert.Equal(50, (await ReadStreamAsync(Other)).Count);
    }

    [Fact]
    public async Task whole_append_is_at_most_one_mebibyte()
    {
        // A bound on each record alone let an append through that no other engine takes.
        var half = new byte[EventStoreLimits.AppendBytesMax / 2];
        NewRecord Half() => Record() with { Data = half, Metadata = ReadOnlyMemory<byte>.Empty };

        await Assert.ThrowsAsync<ArgumentException>(async () => await Store.AppendAsync(
            Room, ExpectedRevision.Any, [Half(), Half() with { Metadata = new byte[1] }]));
        Assert.Empty(await ReadAllAsync());
        await AppendAsync(Room, Half(), Half());

        Assert.Equal(2, (await ReadStreamAsync(Room)).Count);
    }

    [Fact]
    public async Task doubled_ids_among_many_are_refused()
    {
        var records = Records(100);

        await Assert.ThrowsAsync<ArgumentException>(
            async () => await Store.AppendAsync(Room, ExpectedRevision.Any, [.. records, records[50]]));
        Assert.Empty(await ReadAllAsync());
    }

    [Fact]
    public async Task read_of_the_whole_log_counts_what_its_filter_lets_through()
    {
        for (var n = 0; n < 400; n++)
            await AppendAsync(n % 4 == 0 ? Other : Room, Record(type: n % 8 == 0 ? "a.v1" : "b.v1"));

        var byStream = new RecordFilter(["user-"]);
        var byType = new RecordFilter(TypePrefixes: ["a."]);
        AssertRevisions(await ReadAllAsync(maxCount: 3, filter: byStream), 0, 1, 2);
        Assert.Equal(100, (await ReadAllAsync(filter: byStream)).Count);
        Assert.Equal(50, (await ReadAllAsync(filter: byType)).Count);
        AssertRevisions(await ReadAllAsync(direction: ReadDirection.Backwards, maxCount: 2, filter: byStream), 99, 98);
        Assert.Empty(await ReadAllAsync(filter: new RecordFilter([])));
    }

    [Fact]
    public async Task filter_by_pattern_finds_it_in_the_name_or_the_type()
    {
        await AppendAsync(Room, Record(type: "paid"), Record(type: "prepaid"), Record(type: "sent"));
        await AppendAsync(Other, Record(type: "paid"));
        static Regex Pattern(string text) => new(text, RegexOptions.NonBacktracking);

        var exact = await ReadAllAsync(filter: new RecordFilter { TypePattern = Pattern("^paid$") });
        var part = await ReadAllAsync(filter: new RecordFilter { TypePattern = Pattern("paid") });
        var both = await ReadAllAsync(
            filter: new RecordFilter { TypePattern = Pattern("paid"), StreamPattern = Pattern("^user-") });

        AssertRevisions(exact, 0, 0);
        AssertRevisions(part, 0, 1, 0);
        Assert.Equal(Other, Assert.Single(both).Stream);
    }

    [Fact]
    public async Task metadata_is_a_record_that_only_who_asks_for_the_system_sees()
    {
        await AppendAsync(Room, Record());
        await Store.SetStreamMetadataAsync(Room, new StreamMetadata(TimeSpan.FromSeconds(90), 7, 1));
        var system = Assert.Single(await ReadStreamAsync(Room.Metadata));

        Assert.Equal(("$metadata", 0L), (system.Type, system.Revision));
        Assert.Equal("{\"$maxAge\":90,\"$maxCount\":7,\"$tb\":1}", Encoding.UTF8.GetString(system.Data.Span));
        Assert.Equal(system.Position, await Store.ReadHeadAsync());
        Assert.Empty(await ReadAllAsync());
        Assert.Equal(system.Position, Assert.Single(await ReadAllAsync(filter: RecordFilter.Everything)).Position);
        using var bounded = Bounded();
        var (hidden, caughtUpAt) = await TakeUntilCaughtUpAsync(Store.SubscribeAsync(LogPosition.Start), bounded.Token);
        Assert.Empty(hidden);
        Assert.Equal(system.Position, caughtUpAt);
        var (shown, _) = await TakeUntilCaughtUpAsync(
            Store.SubscribeAsync(LogPosition.Start, RecordFilter.Everything), bounded.Token);
        Assert.Equal(system.Position, Assert.Single(shown).Position);
    }

    [Fact]
    public async Task metadata_set_again_is_no_second_record_and_set_back_is_one()
    {
        var one = new StreamMetadata(MaxCount: 1);
        await Store.SetStreamMetadataAsync(Room, one);
        await Store.SetStreamMetadataAsync(Room, one);
        AssertRevisions(await ReadStreamAsync(Room.Metadata), 0);

        await Store.SetStreamMetadataAsync(Room, new StreamMetadata());
        await Store.SetStreamMetadataAsync(Room, one);

        AssertRevisions(await ReadStreamAsync(Room.Metadata), 2);
        Assert.Equal(one, await Store.ReadStreamMetadataAsync(Room));
    }

    [Fact]
    public async Task append_to_the_metadata_stream_sets_the_bounds_and_other_members_stay()
    {
        await AppendAsync(Room, Records(5));
        var json = "{\"$maxCount\":2,\"$acl\":{\"$r\":\"$all\"},\"colour\":\"red\"}";
        var result = await Store.AppendAsync(Room.Metadata, ExpectedRevision.NoStream, [Record(json, "$metadata")]);

        Assert.Equal(0, Assert.IsType<AppendResult.Appended>(result).Revision);
        AssertRevisions(await ReadStreamAsync(Room), 3, 4);
        Assert.Equal(new StreamMetadata(MaxCount: 2), await Store.ReadStreamMetadataAsync(Room));
        Assert.Equal(0, Assert.IsType<AppendResult.Conflict>(await Store.AppendAsync(
            Room.Metadata, ExpectedRevision.NoStream, [Record("{}", "$metadata")])).ActualRevision);

        await Store.SetStreamMetadataAsync(Room, new StreamMetadata(MaxCount: 1));

        var last = Assert.Single(await ReadStreamAsync(Room.Metadata));
        Assert.Equal(
            "{\"$maxCount\":1,\"$acl\":{\"$r\":\"$all\"},\"colour\":\"red\"}", Encoding.UTF8.GetString(last.Data.Span));
        AssertRevisions(await ReadStreamAsync(Room), 4);
    }

    [Theory]
    [InlineData("not json")]
    [InlineData("[1]")]
    [InlineData("{\"$maxCount\":\"two\",\"$maxAge\":-1,\"$tb\":1.5}")]
    [InlineData("{\"$maxCount\":0,\"$maxAge\":9223372036854775807}")]
    public async Task metadata_that_means_nothing_bounds_nothing(string json)
    {
        await AppendAsync(Room, Records(3));
        await Store.SetStreamMetadataAsync(Room, new StreamMetadata(MaxCount: 1));

        await AppendAsync(Room.Metadata, Record(json, "$metadata"));

        Assert.Equal(new StreamMetadata(), await Store.ReadStreamMetadataAsync(Room));
        Assert.Equal(3, (await ReadStreamAsync(Room)).Count);
        await Store.SetStreamMetadataAsync(Room, new StreamMetadata(MaxCount: 2));
        AssertRevisions(await ReadStreamAsync(Room), 1, 2);
    }

    [Fact]
    public async Task data_that_is_no_json_is_kept_as_such()
    {
        await AppendAsync(Room, Record() with { Data = new byte[] { 0, 255 }, IsJson = false }, Record());

        Assert.Equal([false, true], (await ReadStreamAsync(Room)).Select(record => record.IsJson));
        Assert.Equal([false, true], (await ReadAllAsync()).Select(record => record.IsJson));
        using var bounded = Bounded();
        var (seen, _) = await TakeUntilCaughtUpAsync(Store.SubscribeAsync(LogPosition.Start), bounded.Token);
        Assert.Equal([false, true], seen.Select(record => record.IsJson));
    }

    [Fact]
    public async Task stream_of_another_writer_may_have_any_name()
    {
        var name = StreamName.FromStored("orders");

        await AppendAsync(name, Record());

        var record = Assert.Single(await ReadAllAsync());
        Assert.Equal("orders", record.Stream.Category.ToString());
        Assert.Empty(record.Stream.Id.ToString());
    }
}
