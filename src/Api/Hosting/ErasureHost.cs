using Matrix.EventSourced.Commands.Erasure;

namespace Matrix.EventSourced.Api.Hosting;

/// <summary>Looks from time to time for redacted content whose time in the log is over.</summary>
internal sealed partial class ErasureHost(ContentEraser eraser, TimeProvider time, ILogger<ErasureHost> logger)
    : IHostedService, IDisposable
{
    /// <summary>How often: what is due may stay a little longer.</summary>
    private static readonly TimeSpan Every = TimeSpan.FromMinutes(10);

    private readonly CancellationTokenSource _stop = new();
    private ITimer? _timer;
    private Task _round = Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        if (!eraser.IsWanted)
            return Task.CompletedTask;
        if (eraser.IsPossible)
            _timer = time.CreateTimer(_ => Begin(), null, Every, Every);
        else
            LogImpossible();
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
            await eraser.EraseDueAsync(_stop.Token);
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // What is left is done after the next start.
        }
        catch (Exception problem)
        {
            LogFailed(problem);
        }
    }

    [LoggerMessage(LogLevel.Warning,
        "The engine of the log cannot change a record: what is redacted goes from the tables only, not from the log")]
    private partial void LogImpossible();

    [LoggerMessage(LogLevel.Error, "Redacted content could not be erased from the log; it is tried again later")]
    private partial void LogFailed(Exception problem);
}
