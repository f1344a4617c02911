using System.Net;
using System.Net.Sockets;
using Matrix.EventSourced.EventStore.Embedded;
using Matrix.EventSourced.EventStore.EventStoreDb;
using Matrix.EventSourced.EventStore.Gateway;

namespace Matrix.EventSourced.EventStore.Tests.EventStoreDb;

/// <summary>The node goes away and comes back at the same address: nobody but the connection notices.</summary>
public sealed class Broken_connections : IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly EmbeddedEngine _engine = new();
    private EmbeddedEventStore _log = null!;
    private LogGateway _gateway = null!;
    private EventStoreDbEventStore _store = null!;
    private int _port;
    private int _lastId;

    public async Task InitializeAsync()
    {
        _log = await _engine.OpenEmbeddedAsync();
        _gateway = await GrpcEngine.StartGatewayAsync(_log);
        _port = new Uri(_gateway.Addresses[0]).Port;
        _store = await GrpcEngine.ConnectAsync($"127.0.0.1:{_port}", attemptsMax: 1000);
    }

    public async Task DisposeAsync()
    {
        await _store.DisposeAsync();
        await _gateway.DisposeAsync();
        await _log.DisposeAsync();
        await _engine.DisposeAsync();
    }

    [Fact]
    public async Task chains_of_appends_in_flight_end_once_and_in_order_whenever_the_node_goes()
    {
        const int Writers = 8;
        const int Each = 150;
        var restarting = RestartEachTimeTheLogHasGrownAsync(by: 120, times: 8);

        await Task.WhenAll(Enumerable.Range(0, Writers).Select(async writer =>
        {
            await Task.Yield();
            var stream = new StreamName("room", $"!{writer}:hs");
            // A chain: each expects the one before it, and none waits for its answer.
            var answers = new List<Task<AppendResult>>();
            for (var n = 0; n < Each; n++)
            {
                var expected = n == 0 ? ExpectedRevision.NoStream : ExpectedRevision.Exactly(n - 1);
                answers.Add(_store.AppendAsync(stream, expected, [Record()]).AsTask());
                if (n % 10 == 9)
                    await answers[^5];
            }
            var results = await Task.WhenAll(answers);
            Assert.Equal(
                Enumerable.Range(0, Each).Select(n => (long)n),
                results.Select(result => Assert.IsType<AppendResult.Appended>(result).Revision));
        })).WaitAsync(Patience);

        await restarting.WaitAsync(Patience);
        var all = await ToListAsync(_log.ReadAllAsync(null, ReadDirection.Forwards, long.MaxValue));
        Assert.Equal(Writers * Each, all.Count);
        Assert.Equal(Writers * Each, all.Select(record => record.RecordId).Distinct().Count());
    }

    [Fact]
    public async Task subscribers_miss_and_double_nothing_whenever_the_node_goes()
    {
        const int Count = 1500;
        using var bounded = new CancellationTokenSource(Patience);
        var subscribers = Enumerable.Range(0, 3).Select(async n =>
        {
            var seen = new List<LogPosition>();
            await foreach (var message in _store.SubscribeAsync(LogPosition.Start).WithCancellation(bounded.Token))
            {
                if (message is not SubscriptionMessage.Recorded recorded)
                    continue;
                seen.Add(recorded.Record.Position);
                if (seen.Count == Count)
                    break;
                if (n == 0 && seen.Count % 150 == 0)
                    await RestartAsync();
            }
            return seen;
        }).ToList();

        // Written past the gateway, so that the log grows while the node is away too.
        for (var n = 0; n < Count; n++)
        {
            await _log.AppendAsync(new StreamName("room", $"!{n % 7}:hs"), ExpectedRevision.Any, [Record()]);
        }

        var all = (await ToListAsync(_log.ReadAllAsync(null, ReadDirection.Forwards, long.MaxValue)))
            .ConvertAll(record => record.Position);
        foreach (var seen in await Task.WhenAll(subscribers))
            Assert.Equal(all, seen);
    }

    [Fact]
    public async Task read_goes_on_where_it_was_when_the_node_went()
    {
        for (var n = 0; n < 40; n++)
            await _log.AppendAsync(new StreamName("room", "!a:hs"), ExpectedRevision.Any, [.. Records(50)]);
        var positions = new List<LogPosition>();
        var revisions = new List<long>();

        await foreach (var record in _store.ReadAllAsync(null, ReadDirection.Forwards, long.MaxValue))
        {
            positions.Add(record.Position);
            if (positions.Count % 500 == 0)
                await RestartAsync();
        }
        await foreach (var record in _store.ReadStreamAsync(
            new StreamName("room", "!a:hs"), null, ReadDirection.Backwards, 1999))
        {
            revisions.Add(record.Revision);
            if (revisions.Count % 500 == 0)
                await RestartAsync();
        }

        Assert.Equal(2000, positions.Distinct().Count());
        Assert.Equal(positions.Order(), positions);
        Assert.Equal(Enumerable.Range(1, 1999).Reverse().Select(n => (long)n), revisions);
    }

    [Fact]
    public async Task without_a_node_a_caller_hears_so_after_a_bounded_time_and_later_appends_work_again()
    {
        await using var store = await GrpcEngine.ConnectAsync($"127.0.0.1:{_port}", attemptsMax: 4);
        var room = new StreamName("room", "!a:hs");
        var record = Record();
        await store.AppendAsync(room, ExpectedRevision.NoStream, [Record()]);
        await _gateway.DisposeAsync();

        await Assert.ThrowsAsync<EventStoreException>(
            () => store.AppendAsync(room, ExpectedRevision.Any, [record]).AsTask().WaitAsync(Patience));
        await Assert.ThrowsAsync<EventStoreException>(() => store.ReadHeadAsync().AsTask().WaitAsync(Patience));
        Assert.True(store.Status is { IsConnected: false, Problem: not null });

        _gateway = await GrpcEngine.StartGatewayAsync(_log, _port);
        Assert.Equal(1, Assert.IsType<AppendResult.Appended>(
            await store.AppendAsync(room, ExpectedRevision.Any, [record]).AsTask().WaitAsync(Patience)).Revision);
        Assert.True(store.Status is { IsConnected: true, Problem: null, Version: not null, Role: "Leader" });
    }

    [Fact]
    public async Task start_waits_for_a_node_that_is_not_up_yet()
    {
        using var free = new TcpListener(IPAddress.Loopback, 0);
        free.Start();
        var port = ((IPEndPoint)free.LocalEndpoint).Port;
        free.Stop();
        var told = new TaskCompletionSource<string>();
        var options = GrpcEngine.Options($"esdb://127.0.0.1:{port}?tls=false&discoveryInterval=2&maxDiscoverAttempts=2")
            with { ProgressEvery = TimeSpan.FromMilliseconds(20) };

        var connecting = EventStoreDbEventStore.ConnectAsync(
            options, TimeProvider.System, Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance,
            text => told.TrySetResult(text));
        Assert.StartsWith($"waiting for esdb://127.0.0.1:{port}?tls=false: ", await told.Task.WaitAsync(Patience),
            StringComparison.Ordinal);
        await using var gateway = await GrpcEngine.StartGatewayAsync(_log, port);

        await using var store = await connecting.WaitAsync(Patience);
        Assert.Equal(LogPosition.Start, await store.ReadHeadAsync());
    }

    [Fact]
    public async Task start_that_waits_ends_when_it_is_told_to()
    {
        await _gateway.DisposeAsync();
        using var cancel = new CancellationTokenSource();
        var connecting = GrpcEngine.ConnectAsync($"127.0.0.1:{_port}", cancellationToken: cancel.Token);

        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => connecting.WaitAsync(Patience));
    }

    [Fact]
    public async Task closed_while_somebody_waits_everybody_is_told()
    {
        var subscribed = _store.SubscribeAsync(LogPosition.Start).GetAsyncEnumerator();
        Assert.True(await subscribed.MoveNextAsync());
        var next = subscribed.MoveNextAsync().AsTask();
        await _gateway.DisposeAsync();
        var append = _store.AppendAsync(new StreamName("room", "!a:hs"), ExpectedRevision.Any, [Record()]).AsTask();
        var read = _store.ReadHeadAsync().AsTask();

        await _store.DisposeAsync().AsTask().WaitAsync(Patience);

        await Assert.ThrowsAsync<EventStoreException>(() => next);
        await Assert.ThrowsAsync<EventStoreException>(() => append);
        await Assert.ThrowsAsync<EventStoreException>(() => read);
    }

    [Fact]
    public async Task slow_subscriber_falls_behind_and_still_misses_nothing()
    {
        var options = GrpcEngine.Options($"esdb://127.0.0.1:{_port}?tls=false") with { RecentRecordsMax = 16 };
        await using var store = await EventStoreDbEventStore.ConnectAsync(
            options, TimeProvider.System, Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance);
        using var bounded = new CancellationTokenSource(Patience);
        await using var messages = store.SubscribeAsync(LogPosition.Start).GetAsyncEnumerator(bounded.Token);
        Assert.True(await messages.MoveNextAsync());
        Assert.IsType<SubscriptionMessage.CaughtUp>(messages.Current);
        // Another subscriber is fast, and shows that the window has moved on.
        await using var fast = store.SubscribeAsync(LogPosition.Start).GetAsyncEnumerator(bounded.Token);
        foreach (var record in Records(300))
            await store.AppendAsync(new StreamName("room", "!a:hs"), ExpectedRevision.Any, [record]);
        for (var n = 0; n < 300;)
        {
            Assert.True(await fast.MoveNextAsync());
            if (fast.Current is SubscriptionMessage.Recorded)
                n++;
        }

        var said = new List<SubscriptionMessage>();
        while (said.Count == 0 || said[^1] is not SubscriptionMessage.CaughtUp)
        {
            Assert.True(await messages.MoveNextAsync());
            said.Add(messages.Current);
        }

        Assert.Single(said.OfType<SubscriptionMessage.FellBehind>());
        Assert.Equal(
            Enumerable.Range(0, 300).Select(n => (long)n),
            said.OfType<SubscriptionMessage.Recorded>().Select(recorded => recorded.Record.Revision));
    }

    private async Task RestartEachTimeTheLogHasGrownAsync(int by, int times)
    {
        var grown = 0;
        await foreach (var message in _log.SubscribeAsync(LogPosition.Start))
        {
            if (message is not SubscriptionMessage.Recorded || ++grown % by != 0)
                continue;
            await RestartAsync();
            if (grown == by * times)
                break;
        }
    }

    private async Task RestartAsync()
    {
        await _gateway.DisposeAsync();
        _gateway = await GrpcEngine.StartGatewayAsync(_log, _port);
    }

    private NewRecord Record() => new(
        new Guid(Interlocked.Increment(ref _lastId), 7, 7, [1, 2, 3, 4, 5, 6, 7, 8]), "test.happened.v1", "{}"u8.ToArray(), default);

    private IEnumerable<NewRecord> Records(int count) => Enumerable.Range(0, count).Select(_ => Record());

    private static async Task<List<T>> ToListAsync<T>(IAsyncEnumerable<T> items)
    {
        var list = new List<T>();
        await foreach (var item in items)
            list.Add(item);
        return list;
    }
}
