namespace Matrix.EventSourced.Simulation.Tests;

/// <summary>One thread on which everything of a simulation runs; which of the waiting continuations goes on is drawn
/// from the seed.</summary>
/// <remarks>Everything awaited below it comes back here, the room workers too, so that a seed is one interleaving.
/// <paramref name="whenIdle"/> is asked when nothing can go on: it lets time pass, or answers false.</remarks>
internal sealed class DeterministicPump(Random random, Func<bool>? whenIdle = null) : SynchronizationContext
{
    private readonly int _thread = Environment.CurrentManagedThreadId;
    private readonly List<(SendOrPostCallback Callback, object? State)> _ready = [];

    public override void Post(SendOrPostCallback d, object? state)
    {
        if (Environment.CurrentManagedThreadId != _thread)
            Environment.FailFast("Work came back from another thread: the run is not a function of its seed.");
        _ready.Add((d, state));
    }

    public override void Send(SendOrPostCallback d, object? state) => d(state);

    public override SynchronizationContext CreateCopy() => this;

    public void Run(Func<Task> start)
    {
        var outer = Current;
        SetSynchronizationContext(this);
        try
        {
            var task = start();
            while (!task.IsCompleted)
            {
                while (_ready.Count == 0 && whenIdle?.Invoke() == true)
                {
                }
                if (task.IsCompleted)
                    break;
                if (_ready.Count == 0)
                    throw new SimulationFailure("nothing can go on, and not all was answered");
                var index = random.Next(_ready.Count);
                var (callback, state) = _ready[index];
                _ready[index] = _ready[^1];
                _ready.RemoveAt(_ready.Count - 1);
                callback(state);
            }
            task.GetAwaiter().GetResult();
        }
        finally
        {
            SetSynchronizationContext(outer);
        }
    }
}

/// <summary>What a checker found.</summary>
internal sealed class SimulationFailure(string message) : Exception(message);
