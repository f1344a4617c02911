using System.Security.Cryptography;
using System.Text;
using Matrix.EventSourced.Simulation.Tests;

namespace Matrix.EventSourced.FederationSimulation.Tests;

/// <summary>Time, chance and what is written down of a run: all that its servers share.</summary>
/// <remarks>
/// <code>
///   pump: some continuation goes on ─► … ─► nothing can ─► time jumps to what is due next ─► pump
/// </code>
/// Time stands still while anything can go on. Units: milliseconds since the run began.
/// </remarks>
internal sealed class World(int seed)
{
    /// <summary>LIMIT: lines of the transcript that a failure shows.</summary>
    private const int LinesKept = 60;

    /// <summary>LIMIT: how long a run may last; what is not at rest then never will be.</summary>
    private const long LastMs = 40L * 24 * 60 * 60 * 1000;

    private readonly PriorityQueue<Due, (long AtMs, long Number)> _due = new();
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly Queue<string> _lines = new();
    private TaskCompletionSource? _quiet;
    private Exception? _problem;
    private long _numbers;

    public int Seed => seed;

    public Random Random { get; } = new(seed);

    public long NowMs { get; private set; }

    /// <summary>The last lines of the transcript.</summary>
    public string Tail => string.Join('\n', _lines);

    public string Hash => Convert.ToHexStringLower(_hash.GetCurrentHash());

    public bool Chance(int percent) => Random.Next(100) < percent;

    public T Draw<T>(IReadOnlyList<T> among) => among[Random.Next(among.Count)];

    /// <summary>Says what is too long for the last lines of a transcript.</summary>
    public void Mention(string line)
    {
        if (Environment.GetEnvironmentVariable("FEDSIM_VERBOSE") is not null)
            Console.WriteLine($"{NowMs,10} {line}");
    }

    public void Say(string line)
    {
        var stamped = $"{NowMs,10} {line}";
        if (Environment.GetEnvironmentVariable("FEDSIM_VERBOSE") is not null)
            Console.WriteLine(stamped);
        _hash.AppendData(Encoding.UTF8.GetBytes(stamped));
        _lines.Enqueue(stamped);
        if (_lines.Count > LinesKept)
            _lines.Dequeue();
    }

    /// <summary>Does something later; what is returned takes it back.</summary>
    public Due After(TimeSpan wait, Action act)
    {
        var due = new Due(act);
        _due.Enqueue(due, (NowMs + Math.Max((long)wait.TotalMilliseconds, 0), _numbers++));
        return due;
    }

    public Task WaitAsync(long milliseconds)
    {
        var done = new TaskCompletionSource();
        After(TimeSpan.FromMilliseconds(milliseconds), done.SetResult);
        return done.Task;
    }

    /// <summary>Lets something go on that nobody waits for; what it throws ends the run.</summary>
    public void Watch(Task task) => _ = WatchedAsync(task);

    /// <inheritdoc cref="Watch"/>
    public async Task WatchedAsync(Task task)
    {
        try
        {
            await task;
        }
        catch (Exception problem)
        {
            _problem ??= problem;
        }
    }

    /// <summary>Ends the run, wherever it is said.</summary>
    public void Fail(string problem) => _problem ??= new SimulationFailure(problem);

    /// <summary>Ends when nothing is left that could happen by itself.</summary>
    public Task QuietAsync()
    {
        _quiet = new TaskCompletionSource();
        return _quiet.Task;
    }

    /// <summary>For the pump, when nothing can go on.</summary>
    public bool LetTimePass()
    {
        if (_problem is not null)
            throw new SimulationFailure(_problem.ToString());
        while (_due.TryDequeue(out var due, out var key))
        {
            if (due.IsTakenBack)
                continue;
            NowMs = key.AtMs;
            if (NowMs > LastMs)
                throw new SimulationFailure("the servers do not come to rest");
            due.Act();
            return true;
        }
        if (_quiet is not { } quiet)
            return false;
        _quiet = null;
        quiet.SetResult();
        return true;
    }

    /// <summary>Something that is to happen.</summary>
    internal sealed class Due(Action act)
    {
        public bool IsTakenBack { get; private set; }

        public void Act() => act();

        public void TakeBack() => IsTakenBack = true;
    }
}

/// <summary>The clock of one server: it goes wrong by so much. Its timers ring while its process lives.</summary>
internal sealed class SimulatedClock(World world, long skewMs, Func<bool> isAlive) : TimeProvider
{
    public const long EpochMs = 1_700_000_000_000;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override DateTimeOffset GetUtcNow() =>
        DateTimeOffset.FromUnixTimeMilliseconds(EpochMs + world.NowMs + skewMs);

    public override long GetTimestamp() => (world.NowMs + 1) * TimeSpan.TicksPerMillisecond;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new Timer(this, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    private bool IsAlive => isAlive();

    private World.Due After(TimeSpan wait, Action act) => world.After(wait, act);

    private sealed class Timer(SimulatedClock clock, TimerCallback callback, object? state) : ITimer
    {
        private World.Due? _due;

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            _due?.TakeBack();
            _due = dueTime == Timeout.InfiniteTimeSpan ? null : clock.After(dueTime, () => Ring(period));
            return true;
        }

        public void Dispose() => _due?.TakeBack();

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }

        private void Ring(TimeSpan period)
        {
            if (!clock.IsAlive)
                return;
            callback(state);
            if (period > TimeSpan.Zero)
                Change(period, period);
        }
    }
}
