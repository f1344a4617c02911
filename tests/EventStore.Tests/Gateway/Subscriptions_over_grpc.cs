using System.Diagnostics;
using Grpc.Core;
using Matrix.EventSourced.EventStore.Embedded;
using Matrix.EventSourced.EventStore.Wire;
using Options = Matrix.EventSourced.EventStore.Wire.ReadReq.Types.Options;

namespace Matrix.EventSourced.EventStore.Tests.Gateway;

public sealed class Subscriptions_over_grpc : GatewayFixture
{
    private protected override EmbeddedOptions EngineOptions(string folder) => new() { Folder = folder, RecentRecordsMax = 64 };

    [Fact]
    public async Task whole_log_is_confirmed_said_caught_up_with_and_then_live()
    {
        await AppendAsync("orders", Messages(3));
        await AppendAsync("$$orders", Message(type: "$metadata"));
        using var call = Subscribe(AllRequest());

        Assert.True(Guid.TryParse((await NextAsync(call)).Confirmation.SubscriptionId, out _));
        Assert.Equal(["orders 0", "orders 1", "orders 2", "$$orders 0"], await EventsAsync(call, 4));
        Assert.NotNull((await NextAsync(call)).CaughtUp);
        for (var n = 3; n < 10; n++)
        {
            await AppendAsync("orders", Message());
            Assert.Equal([$"orders {n}"], await EventsAsync(call, 1));
        }
    }

    [Fact]
    public async Task begins_after_the_given_position_and_at_the_end_with_what_comes()
    {
        await AppendAsync("orders", Messages(3));
        var second = (await ReadAsync(AllRequest()))[1].Event.CommitPosition;
        var fromSecond = AllRequest();
        fromSecond.Options.All.Position = new Options.Types.Position { CommitPosition = second, PreparePosition = second };
        var fromEnd = AllRequest();
        fromEnd.Options.All.End = new Empty();
        using var afterSecond = Subscribe(fromSecond);
        using var afterEnd = Subscribe(fromEnd);
        Assert.NotNull((await NextAsync(afterSecond)).Confirmation);
        Assert.NotNull((await NextAsync(afterEnd)).Confirmation);
        Assert.NotNull((await NextAsync(afterEnd)).CaughtUp);

        await AppendAsync("orders", Message());

        Assert.Equal(["orders 2"], await EventsAsync(afterSecond, 1));
        Assert.Equal(["orders 3"], await EventsAsync(afterEnd, 1));
    }

    [Fact]
    public async Task stream_is_followed_from_after_the_given_revision()
    {
        await AppendAsync("orders", Messages(3));
        await AppendAsync("orders-2", Messages(3));
        var request = StreamRequest("orders");
        request.Options.Stream.Revision = 1;
        using var call = Subscribe(request);

        Assert.NotNull((await NextAsync(call)).Confirmation);
        Assert.Equal(["orders 2"], await EventsAsync(call, 1));
        Assert.NotNull((await NextAsync(call)).CaughtUp);
        await AppendAsync("orders-2", Message());
        await AppendAsync("orders", Messages(2));
        Assert.Equal(["orders 3", "orders 4"], await EventsAsync(call, 2));
    }

    [Fact]
    public async Task stream_is_followed_from_its_end()
    {
        await AppendAsync("orders", Messages(3));
        var request = StreamRequest("orders");
        request.Options.Stream.End = new Empty();
        using var call = Subscribe(request);

        Assert.NotNull((await NextAsync(call)).Confirmation);
        Assert.NotNull((await NextAsync(call)).CaughtUp);
        await AppendAsync("orders", Message());
        Assert.Equal(["orders 3"], await EventsAsync(call, 1));
    }

    [Fact]
    public async Task of_a_stream_that_is_not_there_nothing_is_said_until_it_begins()
    {
        using var call = Subscribe(StreamRequest("later"));
        Assert.NotNull((await NextAsync(call)).Confirmation);

        await AppendAsync("others", Message());
        await AppendAsync("later", Message());

        Assert.Equal(["later 0"], await EventsAsync(call, 1));
        Assert.NotNull((await NextAsync(call)).CaughtUp);
    }

    [Fact]
    public async Task metadata_of_a_stream_is_followed_like_any_stream()
    {
        using var call = Subscribe(StreamRequest("$$orders"));
        Assert.NotNull((await NextAsync(call)).Confirmation);

        await AppendAsync("$$orders", Message("{\"$maxCount\":3}", "$metadata"));

        Assert.Equal(["$$orders 0"], await EventsAsync(call, 1));
    }

    [Theory]
    [InlineData(2u, 3u)]
    [InlineData(1u, 1u)]
    [InlineData(32u, 1u)]
    public async Task filtered_subscription_has_a_checkpoint_after_each_so_many_considered(uint window, uint multiplier)
    {
        var interval = (int)(window * multiplier);
        for (var n = 0; n < 25; n++)
            await AppendAsync(n % 3 == 0 ? "orders" : "others", Messages(3));
        using var call = Subscribe(
            Filtered(AllRequest(), filter => filter.StreamIdentifier = Prefixes("orders"), window, multiplier));
        Assert.NotNull((await NextAsync(call)).Confirmation);
        var seen = new List<ReadResp>();
        while ((await NextAsync(call)) is { CaughtUp: null } message)
            seen.Add(message);
        for (var n = 0; n < 25; n++)
            await AppendAsync(n % 3 == 0 ? "orders" : "others", Messages(3));
        var all = (await ReadAsync(AllRequest())).ConvertAll(read => read.Event);
        var checkpoints = all.Where((_, n) => n % interval == interval - 1).Select(read => read.CommitPosition).ToArray();
        var events = all.Where(read => read.Event.StreamIdentifier.StreamName.ToStringUtf8() == "orders")
            .Select(read => read.CommitPosition).ToArray();
        while (seen.Count < checkpoints.Length + events.Length)
            seen.Add(await NextAsync(call));

        Assert.Equal(events, seen.Where(one => one.Event is not null).Select(one => one.Event.CommitPosition));
        Assert.Equal(checkpoints, seen.Where(one => one.Checkpoint is not null).Select(one => one.Checkpoint.CommitPosition));
        // A checkpoint never comes before what it covers.
        var positions = seen.ConvertAll(one => one.Event?.CommitPosition ?? one.Checkpoint.CommitPosition);
        Assert.Equal(positions.Order(), positions);
    }

    [Fact]
    public async Task subscriber_that_takes_nothing_holds_up_nobody_and_then_sees_everything_once()
    {
        const int Appends = 120;
        var padding = $"\"{new string('x', 20_000)}\"";
        using var slow = Subscribe(AllRequest());
        Assert.NotNull((await NextAsync(slow)).Confirmation);
        Assert.NotNull((await NextAsync(slow)).CaughtUp);
        using var quick = Subscribe(AllRequest());
        Assert.NotNull((await NextAsync(quick)).Confirmation);
        Assert.NotNull((await NextAsync(quick)).CaughtUp);

        for (var n = 0; n < Appends; n++)
        {
            await AppendAsync("orders", Enumerable.Range(0, 10).Select(_ => Message(padding)).ToArray());
            Assert.Equal(10, (await EventsAsync(quick, 10)).Count);
        }

        var (events, fellBehind, caughtUp) = (new List<ulong>(), 0, 0);
        while (events.Count < Appends * 10 || caughtUp < fellBehind)
        {
            var message = await NextAsync(slow);
            if (message.Event is { } read)
                events.Add(read.Event.StreamRevision);
            fellBehind += message.FellBehind is null ? 0 : 1;
            caughtUp += message.CaughtUp is null ? 0 : 1;
        }
        Assert.Equal(Enumerable.Range(0, Appends * 10).Select(n => (ulong)n), events);
        Assert.True(fellBehind > 0, "It was never behind.");
    }

    [Fact]
    public async Task subscription_that_begins_amid_appends_misses_and_doubles_nothing()
    {
        const int Count = 300;
        var writing = Task.Run(async () =>
        {
            for (var n = 0; n < Count; n++)
                await AppendAsync(n % 2 == 0 ? "orders" : "others", Message());
        });

        var streams = await Task.WhenAll(Enumerable.Range(0, 4).Select(async n =>
        {
            using var call = Subscribe(n % 2 == 0 ? AllRequest() : StreamRequest("orders"));
            return await EventsAsync(call, n % 2 == 0 ? Count : Count / 2);
        }));
        await writing;

        var orders = Enumerable.Range(0, Count / 2).Select(n => $"orders {n}").ToArray();
        Assert.All(streams, seen => Assert.Equal(orders, seen.Where(one => one.StartsWith("orders", StringComparison.Ordinal))));
    }

    [Fact]
    public async Task subscription_ends_when_its_client_goes_away_and_with_the_gateway()
    {
        using var gone = Subscribe(AllRequest());
        Assert.NotNull((await NextAsync(gone)).Confirmation);
        gone.Dispose();
        using var waiting = Subscribe(AllRequest());
        Assert.NotNull((await NextAsync(waiting)).Confirmation);
        Assert.NotNull((await NextAsync(waiting)).CaughtUp);
        var next = NextAsync(waiting);

        var stopwatch = Stopwatch.StartNew();
        await Gateway.DisposeAsync();

        Assert.Equal(StatusCode.Unavailable, (await Assert.ThrowsAsync<RpcException>(() => next)).StatusCode);
        Assert.True(stopwatch.Elapsed < TimeSpan.FromSeconds(20), $"It took {stopwatch.Elapsed}.");
    }

    private AsyncServerStreamingCall<ReadResp> Subscribe(ReadReq request) => Client.Read(Subscription(request), Bounded());

    private static async Task<ReadResp> NextAsync(AsyncServerStreamingCall<ReadResp> call)
    {
        Assert.True(await call.ResponseStream.MoveNext(CancellationToken.None), "The subscription ended.");
        return call.ResponseStream.Current;
    }

    /// <summary>The next events, whatever else is said between them.</summary>
    private static async Task<List<string>> EventsAsync(AsyncServerStreamingCall<ReadResp> call, int count)
    {
        var events = new List<string>();
        while (events.Count < count)
        {
            if ((await NextAsync(call)).Event is { } read)
                events.Add($"{read.Event.StreamIdentifier.StreamName.ToStringUtf8()} {read.Event.StreamRevision}");
        }
        return events;
    }
}
