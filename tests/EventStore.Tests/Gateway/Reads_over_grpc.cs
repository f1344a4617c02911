using Grpc.Core;
using Matrix.EventSourced.EventStore.Wire;
using Options = Matrix.EventSourced.EventStore.Wire.ReadReq.Types.Options;

namespace Matrix.EventSourced.EventStore.Tests.Gateway;

public sealed class Reads_over_grpc : GatewayFixture
{
    [Theory]
    [InlineData("start", false, 9, new ulong[] { 0, 1, 2, 3, 4 })]
    [InlineData("start", false, 2, new ulong[] { 0, 1 })]
    [InlineData("3", false, 9, new ulong[] { 3, 4 })]
    [InlineData("5", false, 9, new ulong[] { })]
    [InlineData("end", false, 9, new ulong[] { })]
    [InlineData("end", true, 2, new ulong[] { 4, 3 })]
    [InlineData("1", true, 9, new ulong[] { 1, 0 })]
    [InlineData("18446744073709551615", true, 1, new ulong[] { 4 })]
    [InlineData("start", true, 9, new ulong[] { 0 })]
    public async Task stream_reads_from_a_revision_both_ways(string from, bool backwards, ulong count, ulong[] revisions)
    {
        await AppendAsync("orders", Messages(5));
        await AppendAsync("others", Messages(1));
        var request = StreamRequest("orders");
        request.Options.Count = count;
        request.Options.ReadDirection = backwards ? Options.Types.ReadDirection.Backwards : Options.Types.ReadDirection.Forwards;
        switch (from)
        {
            case "start": request.Options.Stream.Start = new Empty(); break;
            case "end": request.Options.Stream.End = new Empty(); break;
            default: request.Options.Stream.Revision = ulong.Parse(from, null); break;
        }

        AssertRevisions(await ReadAsync(request), revisions);
    }

    [Fact]
    public async Task whole_log_reads_from_a_position_included_forwards_and_left_out_backwards()
    {
        await AppendAsync("orders", Messages(5));
        var positions = (await ReadAsync(AllRequest())).ConvertAll(read => read.Event.CommitPosition);

        AssertRevisions(await ReadAsync(All(position: positions[2])), 2, 3, 4);
        AssertRevisions(await ReadAsync(All(position: positions[2], backwards: true)), 1, 0);
        AssertRevisions(await ReadAsync(All(end: true, backwards: true)), 4, 3, 2, 1, 0);
        AssertRevisions(await ReadAsync(All(position: 0)), 0, 1, 2, 3, 4);
        Assert.Empty(await ReadAsync(All(position: 0, backwards: true)));
        Assert.Empty(await ReadAsync(All(backwards: true)));
        Assert.Empty(await ReadAsync(All(end: true)));
        AssertRevisions(await ReadAsync(All(end: true, backwards: true, count: 1)), 4);
        AssertRevisions(await ReadAsync(All(position: ulong.MaxValue, backwards: true)), 4, 3, 2, 1, 0);
    }

    [Fact]
    public async Task position_of_each_message_is_one_number_and_grows_within_an_append()
    {
        await AppendAsync("orders", Messages(3));

        var events = (await ReadAsync(AllRequest())).ConvertAll(read => read.Event);

        Assert.All(events, read => Assert.Equal(read.Event.CommitPosition, read.Event.PreparePosition));
        Assert.All(events, read => Assert.Equal(read.Event.CommitPosition, read.CommitPosition));
        Assert.Equal(events.Select(read => read.CommitPosition).Distinct().Order(), events.Select(read => read.CommitPosition));
    }

    [Fact]
    public async Task stream_that_is_not_there_is_said_so_in_band()
    {
        var notFound = Assert.Single(await ReadAsync(StreamRequest("nothing"))).StreamNotFound;

        Assert.Equal("nothing", notFound.StreamIdentifier.StreamName.ToStringUtf8());
    }

    [Fact]
    public async Task stream_that_was_read_to_its_end_says_where_that_is_to_who_understands_it()
    {
        await AppendAsync("orders", Messages(3));
        var request = StreamRequest("orders");
        request.Options.ControlOption = new Options.Types.ControlOption { Compatibility = 1 };

        Assert.Equal(2ul, (await ReadAsync(request))[^1].LastStreamPosition);
        request.Options.Count = 3;
        Assert.NotNull((await ReadAsync(request))[^1].Event);
        request.Options.Count = 4;
        request.Options.ControlOption = null;
        Assert.NotNull((await ReadAsync(request))[^1].Event);
    }

    [Fact]
    public async Task large_read_comes_whole_and_in_order()
    {
        for (var n = 0; n < 10; n++)
            await AppendAsync("orders", Messages(300));
        var large = new string('x', 700_000);
        await AppendAsync("orders", Message(large));

        var read = await ReadAsync(StreamRequest("orders"));

        Assert.Equal(Enumerable.Range(0, 3001).Select(n => (ulong)n), Revisions(read));
        Assert.Equal(large, read[^1].Event.Event.Data.ToStringUtf8());
        Assert.Equal(3001, (await ReadAsync(AllRequest())).Count);
    }

    [Fact]
    public async Task filter_holds_for_reads_of_the_whole_log()
    {
        await AppendAsync("orders-1", Message(type: "sent"), Message(type: "paid"));
        await AppendAsync("bills-1", Message(type: "paid"), Message(type: "prepaid"));
        await AppendAsync("$$bills-1", Message(type: "$metadata"));

        async Task<int> CountAsync(Action<Options.Types.FilterOptions> set) => (await ReadAsync(Filtered(AllRequest(), set))).Count;

        Assert.Equal(2, await CountAsync(filter => filter.StreamIdentifier = Prefixes("orders-")));
        Assert.Equal(4, await CountAsync(filter => filter.StreamIdentifier = Prefixes("orders-", "bills-")));
        Assert.Equal(1, await CountAsync(filter => filter.StreamIdentifier = Pattern("^\\$\\$")));
        Assert.Equal(2, await CountAsync(filter => filter.EventType = Pattern("^paid$")));
        Assert.Equal(3, await CountAsync(filter => filter.EventType = Pattern("paid")));
        Assert.Equal(4, await CountAsync(filter => filter.EventType = Pattern(@"^[^\$].*")));
        Assert.Equal(0, await CountAsync(filter => filter.EventType = Prefixes()));
    }

    [Fact]
    public async Task links_are_resolved_for_who_asks_for_it()
    {
        await AppendAsync("orders", Messages(2));
        await AppendAsync("links", Message("1@orders", "$>"), Message("9@orders", "$>"), Message("what", "$>"));
        var request = StreamRequest("links");

        Assert.All(await ReadAsync(request), read => Assert.Null(read.Event.Link));
        request.Options.ResolveLinks = true;
        var resolved = (await ReadAsync(request)).ConvertAll(read => read.Event);

        Assert.Equal([0ul, 1, 2], resolved.Select(read => read.Link.StreamRevision));
        Assert.Equal(("orders", 1ul),
            (resolved[0].Event.StreamIdentifier.StreamName.ToStringUtf8(), resolved[0].Event.StreamRevision));
        Assert.Null(resolved[1].Event);
        Assert.Null(resolved[2].Event);
    }

    public static TheoryData<string> BadReads => new(
        "no options", "no stream or all", "no name", "no revision", "no position", "no count", "count 0", "no filter option",
        "filter on a stream", "filter of nothing", "no window", "window 0", "multiplier 0", "bad pattern", "backtracking pattern",
        "long pattern", "backwards subscription");

    [Theory]
    [MemberData(nameof(BadReads))]
    public async Task bad_read_is_an_invalid_argument(string what)
    {
        await AppendAsync("orders", Messages(1));
        var stream = StreamRequest("orders");
        var all = Filtered(AllRequest(), filter => filter.EventType = Pattern("a"));
        var request = all;
        switch (what)
        {
            case "no options": request = new ReadReq(); break;
            case "no stream or all": all.Options.ClearStreamOption(); break;
            case "no name": (request = stream).Options.Stream.StreamIdentifier = null; break;
            case "no revision": (request = stream).Options.Stream.ClearRevisionOption(); break;
            case "no position": all.Options.All.ClearAllOption(); break;
            case "no count": all.Options.ClearCountOption(); break;
            case "count 0": all.Options.Count = 0; break;
            case "no filter option": (request = stream).Options.ClearFilterOption(); break;
            case "filter on a stream": (request = stream).Options.Filter = all.Options.Filter; break;
            case "filter of nothing": all.Options.Filter.ClearFilter(); break;
            case "no window": all.Options.Filter.ClearWindow(); break;
            case "window 0": all.Options.Filter.Max = 0; break;
            case "multiplier 0": all.Options.Filter.CheckpointIntervalMultiplier = 0; break;
            case "bad pattern": all.Options.Filter.EventType = Pattern("("); break;
            case "backtracking pattern": all.Options.Filter.EventType = Pattern(@"(a)\1"); break;
            case "long pattern": all.Options.Filter.EventType = Pattern(new string('a', 5000)); break;
            case "backwards subscription":
                all = Subscription(all);
                all.Options.ReadDirection = Options.Types.ReadDirection.Backwards;
                break;
        }

        Assert.Equal(StatusCode.InvalidArgument, (await RefusedAsync(request)).StatusCode);
    }

    private static ReadReq All(ulong? position = null, bool end = false, bool backwards = false, ulong count = 99)
    {
        var request = AllRequest();
        request.Options.Count = count;
        if (position is { } given)
            request.Options.All.Position = new Options.Types.Position { CommitPosition = given, PreparePosition = given };
        else if (end)
            request.Options.All.End = new Empty();
        if (backwards)
            request.Options.ReadDirection = Options.Types.ReadDirection.Backwards;
        return request;
    }
}
