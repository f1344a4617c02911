using Matrix.EventSourced.Api.MediaApi;

namespace Matrix.EventSourced.Api.Hosting;

/// <summary>Sweeps the store of media from time to time.</summary>
internal sealed partial class MediaSweepHost(MediaSweep sweep, TimeProvider time, ILogger<MediaSweepHost> logger)
    : IHostedService, IDisposable
{
    /// <summary>How often: what is due may stay a little longer.</summary>
    private static readonly TimeSpan Every = TimeSpan.FromHours(1);

    private readonly CancellationTokenSource _stop = new();
    private ITimer? _timer;
    private Task _round = Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        _timer = time.CreateTimer(_ => Begin(), null, Every, Every);
        return Task.CompletedTask;
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        if (_timer is not null)
            await _timer.DisposeAsync();
        await _stop.CancelAsync();
        await _round;
    }

    public void Dispose()
    {
        _timer?.Dispose();
        _stop.Dispose();
    }

    /// <summary>A round that takes longer than the time between two goes on alone.</summary>
    private void Begin()
    {
        if (_round.IsCompleted)
            _round = RunAsync();
    }

    private async Task RunAsync()
    {
        try
        {
            var (media, blobs) = await sweep.RunAsync(_stop.Token);
            if (media > 0 || blobs > 0)
                LogSwept(media, blobs);
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // What is left goes after the next start.
        }
        catch (Exception problem)
        {
            LogFailed(problem);
        }
    }

    [LoggerMessage(LogLevel.Information, "{media} copies of media were let go, and {blobs} files that nothing names")]
    private partial void LogSwept(int media, int blobs);

    [LoggerMessage(LogLevel.Error, "The store of media could not be swept; it is tried again later")]
    private partial void LogFailed(Exception problem);
}
