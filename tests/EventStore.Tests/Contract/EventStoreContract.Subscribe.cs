namespace Matrix.EventSourced.EventStore.Tests.Contract;

public abstract partial class EventStoreContract
{
    [Fact]
    public async Task subscription_to_an_empty_log_is_caught_up_at_once_and_then_live()
    {
        using var bounded = Bounded();
        await using var messages = Store.SubscribeAsync(LogPosition.Start).GetAsyncEnumerator(bounded.Token);

        Assert.True(await messages.MoveNextAsync());
        Assert.Equal(LogPosition.Start, Assert.IsType<SubscriptionMessage.CaughtUp>(messages.Current).Position);
        var next = messages.MoveNextAsync();
        var appended = await AppendAsync(Room, Record());

        Assert.True(await next);
        Assert.Equal(appended.Position, Assert.IsType<SubscriptionMessage.Recorded>(messages.Current).Record.Position);
        Assert.True(await messages.MoveNextAsync());
        Assert.Equal(appended.Position, Assert.IsType<SubscriptionMessage.CaughtUp>(messages.Current).Position);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(299)]
    [InlineData(600)]
    public async Task subscription_from_any_position_says_everything_after_it_and_then_that_it_caught_up(int skipped)
    {
        const int Count = 600;
        for (var n = 0; n < Count; n += 100)
            await AppendAsync(n % 200 == 0 ? Room : Other, Records(100));
        var all = await ReadAllAsync();
        var after = skipped == 0 ? LogPosition.Start : all[skipped - 1].Position;
        using var bounded = Bounded();

        var seen = await TakeUntilCaughtUpAsync(Store.SubscribeAsync(after), bounded.Token);

        Assert.Equal(all.Skip(skipped).Select(r => r.Position), seen.Records.Select(r => r.Position));
        Assert.Equal(all[^1].Position, seen.CaughtUpAt);
    }

    [Fact]
    public async Task subscription_that_began_in_the_middle_of_appends_misses_and_doubles_nothing()
    {
        const int Writers = 8;
        const int Each = 200;
        using var bounded = Bounded();
        var writing = Task.WhenAll(Enumerable.Range(0, Writers).Select(async writer =>
        {
            await Task.Yield();
            for (var n = 0; n < Each; n++)
                await AppendAsync(new StreamName("room", $"!{writer}:hs"), Record());
        }));

        var subscribers = await Task.WhenAll(Enumerable.Range(0, 4).Select(async _ =>
        {
            var seen = new List<LogRecord>();
            await foreach (var message in Store.SubscribeAsync(LogPosition.Start).WithCancellation(bounded.Token))
            {
                if (message is SubscriptionMessage.Recorded recorded)
                    seen.Add(recorded.Record);
                if (seen.Count == Writers * Each)
                    break;
            }
            return seen;
        }));
        await writing;

        var all = (await ReadAllAsync()).ConvertAll(record => record.Position);
        foreach (var seen in subscribers)
            Assert.Equal(all, seen.Select(record => record.Position));
    }

    [Fact]
    public async Task filter_lets_through_what_has_one_of_its_prefixes()
    {
        await AppendAsync(Room, Record(type: "a.b.v1"), Record(type: "c.d.v1"));
        await AppendAsync(Other, Record(type: "a.b.v1"));
        using var bounded = Bounded();

        var byStream = await TakeUntilCaughtUpAsync(
            Store.SubscribeAsync(LogPosition.Start, new RecordFilter(["user-", "media-"])), bounded.Token);
        var byBoth = await TakeUntilCaughtUpAsync(
            Store.SubscribeAsync(LogPosition.Start, new RecordFilter(["room-"], ["a."])), bounded.Token);
        var none = await TakeUntilCaughtUpAsync(
            Store.SubscribeAsync(LogPosition.Start, new RecordFilter([])), bounded.Token);

        Assert.Equal(Other, Assert.Single(byStream.Records).Stream);
        Assert.Equal(0, Assert.Single(byBoth.Records).Revision);
        Assert.Empty(none.Records);
        Assert.Equal(await Store.ReadHeadAsync(), none.CaughtUpAt);
    }

    [Fact]
    public async Task subscription_ends_when_it_is_cancelled_while_it_waits()
    {
        using var cancel = new CancellationTokenSource();
        await using var messages = Store.SubscribeAsync(LogPosition.Start).GetAsyncEnumerator(cancel.Token);
        Assert.True(await messages.MoveNextAsync());
        var waiting = messages.MoveNextAsync();

        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await waiting);
    }

    [Fact]
    public async Task record_is_seen_by_a_live_subscriber_without_time_passing()
    {
        using var bounded = Bounded();
        await using var messages = Store.SubscribeAsync(LogPosition.Start).GetAsyncEnumerator(bounded.Token);
        Assert.True(await messages.MoveNextAsync());

        // The clock stands still: a subscription that polled would wait for ever.
        for (var n = 0; n < 100; n++)
        {
            var next = NextRecordAsync(messages);
            var appended = await AppendAsync(Room, Record());
            Assert.Equal(appended.Position, (await next).Position);
        }
    }

    private static async Task<LogRecord> NextRecordAsync(IAsyncEnumerator<SubscriptionMessage> messages)
    {
        while (await messages.MoveNextAsync())
        {
            if (messages.Current is SubscriptionMessage.Recorded recorded)
                return recorded.Record;
        }
        throw new InvalidOperationException("The subscription ended.");
    }

    protected static async Task<(List<LogRecord> Records, LogPosition CaughtUpAt)> TakeUntilCaughtUpAsync(
        IAsyncEnumerable<SubscriptionMessage> messages, CancellationToken cancellationToken)
    {
        var records = new List<LogRecord>();
        await foreach (var message in messages.WithCancellation(cancellationToken))
        {
            if (message is SubscriptionMessage.Recorded recorded)
                records.Add(recorded.Record);
            if (message is SubscriptionMessage.CaughtUp caughtUp)
                return (records, caughtUp.Position);
        }
        throw new InvalidOperationException("The subscription ended.");
    }
}
