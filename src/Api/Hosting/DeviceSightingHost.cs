using Matrix.EventSourced.Projections.UserApi;

namespace Matrix.EventSourced.Api.Hosting;

/// <summary>Writes once a minute, and at a clean stop, which devices were used.</summary>
internal sealed partial class DeviceSightingHost(
    DeviceSightingTable table, TimeProvider time, ILogger<DeviceSightingHost> logger) : IHostedService, IDisposable
{
    /// <summary>How exact the times are, and what a crash forgets.</summary>
    private static readonly TimeSpan Every = TimeSpan.FromMinutes(1);

    private static readonly TimeSpan SweepEvery = TimeSpan.FromDays(1);

    private readonly CancellationTokenSource _stop = new();
    private DateTimeOffset _sweepAt = DateTimeOffset.MinValue;
    private ITimer? _timer;
    private Task _round = Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        _timer = time.CreateTimer(_ => Begin(), null, Every, Every);
        return Task.CompletedTask;
    }

    /// <summary>By now nobody is listened to any more: this round is the last.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        if (_timer is not null)
            await _timer.DisposeAsync();
        await _stop.CancelAsync();
        await _round;
        await WriteAsync(cancellationToken);
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
        await WriteAsync(_stop.Token);
        if (time.GetUtcNow() >= _sweepAt)
            await SweepAsync();
    }

    private async Task WriteAsync(CancellationToken cancellationToken)
    {
        try
        {
            await table.WriteRoundAsync(cancellationToken);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // The round at the stop has it, too.
        }
        catch (Exception problem)
        {
            LogFailed(problem);
        }
    }

    private async Task SweepAsync()
    {
        try
        {
            await table.SweepAsync(_stop.Token);
            _sweepAt = time.GetUtcNow() + SweepEvery;
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

    [LoggerMessage(LogLevel.Error, "The last use of devices could not be written; it is tried again")]
    private partial void LogFailed(Exception problem);
}
