using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Matrix.EventSourced.Benchmarks.Load.Workloads;

/// <summary>From the moment a message is sent to the moment other users' long polls have shown it.</summary>
internal sealed class FanOutWorkload
{
    private const int MessagesMax = 500;
    private const int LongPollMs = 30_000;

    /// <summary>Between two messages: long enough that every listener waits again.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(10);

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly Recorder _recorder;
    private readonly int _listeners;
    private volatile Message _current = new([], 0, 0);

    private FanOutWorkload(Recorder recorder, int listeners)
    {
        _recorder = recorder;
        _listeners = listeners;
    }

    public static Task<IReadOnlyList<LoadRow>> OneListenerAsync(World world, Runner runner) =>
        RunAsync(world, runner, "send to another's long poll", 1);

    public static Task<IReadOnlyList<LoadRow>> TwentyListenersAsync(World world, Runner runner) =>
        RunAsync(world, runner, "send to 20 long polls (per poll)", 20);

    private static async Task<IReadOnlyList<LoadRow>> RunAsync(
        World world, Runner runner, string operation, int listeners)
    {
        var users = await world.UsersAsync(listeners + 1);
        var roomId = await world.RoomAsync($"fan-out {listeners}", listeners + 1);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(world.Cancellation);
        var clones = new List<(MatrixClient Client, string Since)>();
        for (var n = 1; n <= listeners; n++)
            clones.Add((world.Clone(users[n], stop.Token), await users[n].SyncPositionAsync()));
        var row = await runner.MeasureAsync(operation, MessagesMax * listeners, async recorder =>
        {
            var run = new FanOutWorkload(recorder, listeners);
            var listening = clones.ConvertAll(clone => run.ListenAsync(clone.Client, clone.Since));
            await run.SendAsync(users[0], roomId, runner.Options.Measured);
            await stop.CancelAsync();
            await Task.WhenAll(listening);
        });
        clones.ForEach(clone => clone.Client.Dispose());
        return [row];
    }

    private async Task SendAsync(MatrixClient sender, string roomId, TimeSpan time)
    {
        var begun = Stopwatch.GetTimestamp();
        for (var n = 1; n <= MessagesMax && Stopwatch.GetElapsedTime(begun) < time; n++)
        {
            await Task.Delay(Pause);
            var marker = string.Create(CultureInfo.InvariantCulture, $"fan out number {n};");
            var body = Encoding.UTF8.GetBytes($"{{\"msgtype\":\"m.text\",\"body\":\"{marker}\"}}");
            var message = new Message(
                Encoding.UTF8.GetBytes(marker), n, Stopwatch.GetTimestamp()) { Missing = _listeners };
            _current = message;
            var answer = await sender.SendMessageAsync(roomId, body);
            if (!answer.IsSuccess)
            {
                _recorder.Fail(answer.Status);
                return;
            }
            try
            {
                await message.Seen.Task.WaitAsync(Patience);
            }
            catch (TimeoutException)
            {
                _recorder.Fail(0);
                return;
            }
        }
    }

    private async Task ListenAsync(MatrixClient listener, string since)
    {
        await Task.Yield();
        var lastSeen = 0;
        try
        {
            while (true)
            {
                var answer = await listener.SyncAsync(since, LongPollMs);
                var now = Stopwatch.GetTimestamp();
                if (!answer.IsSuccess)
                {
                    _recorder.Fail(answer.Status);
                    return;
                }
                var message = _current;
                if (message.Number > lastSeen && answer.Body.Span.IndexOf(message.Marker) >= 0)
                {
                    lastSeen = message.Number;
                    _recorder.Add(now - message.SentAt);
                    message.See();
                }
                since = MatrixClient.Member(answer, "next_batch");
            }
        }
        catch (OperationCanceledException)
        {
            // The run is over.
        }
    }

    private sealed class Message(byte[] marker, int number, long sentAt)
    {
        public byte[] Marker => marker;

        public int Number => number;

        public long SentAt => sentAt;

        /// <summary>Listeners that have not seen it yet.</summary>
        public int Missing;

        public TaskCompletionSource Seen { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public void See()
        {
            if (Interlocked.Decrement(ref Missing) == 0)
                Seen.SetResult();
        }
    }
}
