using System.Diagnostics;
using System.Text;
using Matrix.EventSourced.EventStore;

namespace Matrix.EventSourced.Benchmarks.Log;

/// <summary>What one engine is asked to do, and how long it took.</summary>
/// <remarks>Shape: the log is filled first, which also warms everything up; its records are those caught up with, a quarter
/// of them in one stream. Everything after that is appended to a log that is not empty.</remarks>
internal sealed class Workload(IEventStore store, LogOptions options, CancellationToken cancellationToken)
{
    private const int Writers = 64;
    private const int WarmUps = 500;
    private const int Deliveries = 2_000;
    private const int Passes = 3;
    private const int RecordsMax = 1_000_000;
    private const int FillBatch = 50;

    private static readonly byte[] Data = Encoding.UTF8.GetBytes(
        $$"""{"room_id":"!room:example.org","pdu":{"type":"m.room.message","content":{"body":"{{new string('x', 1_050)}}"} } }""");

    private static readonly byte[] Metadata = Encoding.UTF8.GetBytes(
        $$"""{"actor":{"user":"@alice:example.org","device":"BENCH"},"correlation":"{{new string('c', 80)}}"}""");

    private readonly string _category = $"bench{Guid.NewGuid():N}";
    private readonly int _inOneStream = options.Records / 4;
    private LogPosition _began;

    public static int RecordBytes => Data.Length + Metadata.Length;

    public async Task<IReadOnlyList<Measure>> RunAsync(Action<string> progress)
    {
        var measures = new List<Measure>();
        _began = await store.ReadHeadAsync(cancellationToken);
        progress("filling");
        await FillAsync();
        progress("catching up");
        measures.Add(await MedianRateAsync(Measures.CatchUp, options.Records, CatchUpAsync));
        progress("reading a stream");
        measures.Add(await MedianRateAsync(Measures.ReadStream, _inOneStream, ReadStreamAsync));
        progress("one append at a time");
        measures.Add(await OneAtATimeAsync(Measures.Durable, Durability.Durable));
        measures.Add(await OneAtATimeAsync(Measures.Relaxed, Durability.Relaxed));
        progress($"{Writers} writers");
        measures.Add(await ThroughputAsync(Measures.Throughput, 1));
        measures.Add(await ThroughputAsync(Measures.ThroughputOfBatches, 10));
        progress("delivery");
        measures.AddRange(await DeliveryAsync());
        return measures;
    }

    private StreamName Stream(string id) => new(_category, id);

    private static NewRecord[] NewRecords(int count)
    {
        var records = new NewRecord[count];
        for (var i = 0; i < count; i++)
            records[i] = new NewRecord(Guid.NewGuid(), "roomserver.pdu_recorded.v1", Data, Metadata);
        return records;
    }

    private async ValueTask AppendAsync(StreamName stream, int count, Durability durability = Durability.Durable)
    {
        var result = await store.AppendAsync(stream, ExpectedRevision.Any, NewRecords(count), durability, cancellationToken);
        if (result is not AppendResult.Appended)
            throw new InvalidOperationException($"An append was answered {result}.");
    }

    private async Task FillAsync()
    {
        var appended = 0;
        for (var left = _inOneStream; left > 0; left -= FillBatch)
            await AppendAsync(Stream("long"), Math.Min(FillBatch, left));
        await TogetherAsync(16, async number =>
        {
            for (var writer = 0; ; writer = (writer + 1) % 16)
            {
                var before = Interlocked.Add(ref appended, FillBatch) - FillBatch;
                var left = options.Records - _inOneStream - before;
                if (left <= 0)
                    return;
                await AppendAsync(Stream($"fill-{number}-{writer}"), Math.Min(FillBatch, left));
            }
        });
    }

    private static Task TogetherAsync(int count, Func<int, Task> act) =>
        Task.WhenAll(Enumerable.Range(0, count).Select(number => Task.Run(() => act(number))));

    private async Task<Measure> OneAtATimeAsync(string name, Durability durability)
    {
        var stream = Stream(name);
        for (var i = 0; i < WarmUps; i++)
            await AppendAsync(stream, 1, durability);
        var times = new List<double>();
        for (var began = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(began) < options.Measured;)
        {
            var start = Stopwatch.GetTimestamp();
            await AppendAsync(stream, 1, durability);
            times.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
        }
        return Measure.OfTimes(name, times);
    }

    private async Task<Measure> ThroughputAsync(string name, int batch)
    {
        await RunWritersAsync(name, batch, TimeSpan.FromSeconds(1));
        var began = Stopwatch.GetTimestamp();
        var appended = await RunWritersAsync(name, batch, options.Measured);
        return Measure.OfRate(name, appended, Stopwatch.GetElapsedTime(began));
    }

    private async Task<int> RunWritersAsync(string name, int batch, TimeSpan time)
    {
        var appended = 0;
        var began = Stopwatch.GetTimestamp();
        await TogetherAsync(Writers, async number =>
        {
            var stream = Stream($"{name}-{number}");
            while (Stopwatch.GetElapsedTime(began) < time && Volatile.Read(ref appended) < RecordsMax)
            {
                await AppendAsync(stream, batch);
                Interlocked.Add(ref appended, batch);
            }
        });
        return appended;
    }

    private async Task<IReadOnlyList<Measure>> DeliveryAsync()
    {
        var stream = Stream("delivered");
        var arrivals = new Arrivals();
        using var done = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var subscriber = Task.Run(() => FollowAsync(stream, arrivals, done.Token), CancellationToken.None);
        // What fails while a delivery is waited for is thrown by the one who waits.
        _ = subscriber.ContinueWith(
            ended => arrivals.Fail(ended.Exception!), CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
        await arrivals.CaughtUp.WaitAsync(cancellationToken);
        var fromStart = new List<double>(Deliveries);
        var fromAcknowledged = new List<double>(Deliveries);
        for (var i = 0; i < WarmUps + Deliveries; i++)
        {
            var arrival = arrivals.Expect();
            var start = Stopwatch.GetTimestamp();
            await AppendAsync(stream, 1);
            var acknowledged = Stopwatch.GetTimestamp();
            var arrived = await arrival.WaitAsync(cancellationToken);
            if (i < WarmUps)
                continue;
            fromStart.Add(Milliseconds(arrived - start));
            fromAcknowledged.Add(Milliseconds(arrived - acknowledged));
        }
        await done.CancelAsync();
        await subscriber;
        return
        [
            Measure.OfTimes(Measures.DeliveryFromStart, fromStart),
            Measure.OfTimes(Measures.DeliveryFromAcknowledgement, fromAcknowledged),
        ];
    }

    private async Task FollowAsync(StreamName stream, Arrivals arrivals, CancellationToken stop)
    {
        var head = await store.ReadHeadAsync(stop);
        try
        {
            await foreach (var message in store.SubscribeAsync(head, null, stop))
            {
                if (message is SubscriptionMessage.Recorded { Record: var record } && record.Stream == stream)
                    arrivals.Arrived(Stopwatch.GetTimestamp());
                else if (message is SubscriptionMessage.CaughtUp)
                    arrivals.IsLive();
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // Everything was delivered.
        }
    }

    /// <summary>Several passes, since the first ones also compile what they run.</summary>
    private static async Task<Measure> MedianRateAsync(string name, int records, Func<Task> pass)
    {
        var times = new List<TimeSpan>();
        for (var i = 0; i < Passes; i++)
        {
            var began = Stopwatch.GetTimestamp();
            await pass();
            times.Add(Stopwatch.GetElapsedTime(began));
        }
        times.Sort();
        return Measure.OfRate(name, records, times[Passes / 2]);
    }

    private async Task CatchUpAsync()
    {
        var left = options.Records;
        await foreach (var message in store.SubscribeAsync(_began, null, cancellationToken))
        {
            if (message is SubscriptionMessage.Recorded { Record: var record }
                && record.Stream.Value.StartsWith(_category, StringComparison.Ordinal)
                && --left == 0)
            {
                return;
            }
        }
    }

    private async Task ReadStreamAsync()
    {
        var count = 0;
        await foreach (var _ in store.ReadStreamAsync(
            Stream("long"), null, ReadDirection.Forwards, long.MaxValue, cancellationToken))
        {
            count++;
        }
        if (count != _inOneStream)
            throw new InvalidOperationException($"A stream of {_inOneStream} records was read as {count}.");
    }

    private static double Milliseconds(long ticks) => ticks * 1000.0 / Stopwatch.Frequency;
}
