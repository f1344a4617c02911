using Matrix.EventSourced.EventStore;

namespace Matrix.EventSourced.Projections.Hosting;

/// <summary>The loop of a live version, running in the background, and the handle to pause it between two
/// batches.</summary>
internal sealed class LiveLoop(ProjectionLoop loop) : IDisposable
{
    private CancellationTokenSource? _pause;
    private Task<LoopEnd> _run = Task.FromResult(LoopEnd.Paused);

    public ProjectionLoop Loop { get; } = loop;

    public void Start(CancellationToken abort)
    {
        _pause = new CancellationTokenSource();
        _run = Loop.RunAsync(null, untilCaughtUp: false, _pause.Token, abort);
    }

    /// <summary>Ends the run after the batch in hand; false when the projection had stopped with a problem.</summary>
    public async Task<bool> PauseAsync()
    {
        if (_pause is not null)
            await _pause.CancelAsync();
        var end = await _run;
        _pause?.Dispose();
        _pause = null;
        return end != LoopEnd.Stopped;
    }

    public void Dispose() => _pause?.Dispose();
}
