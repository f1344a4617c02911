using Matrix.EventSourced.Commands.DelayedEvents;
using Matrix.EventSourced.Projections.DelayedEvents;

namespace Matrix.EventSourced.Api.Hosting;

/// <summary>Waits for the time of the next delayed event, and has it sent.</summary>
/// <remarks>After a start everything whose time went by is sent at once, in the order of the times.</remarks>
internal sealed partial class DelayedEventsHost(
    DelayedEvents events,
    DelayedEventQueries queries,
    DelayedEventBell bell,
    TimeProvider time,
    ILogger<DelayedEventsHost> logger)
    : IHostedService, IDisposable
{
    /// <summary>How long after something failed it is tried again.</summary>
    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(5);

    /// <summary>LIMIT: how long a timer runs. Ours: below what timers can count, and a clock that was set is noticed.
    /// </summary>
    private static readonly TimeSpan WaitMax = TimeSpan.FromHours(1);

    private readonly CancellationTokenSource _stop = new();
    private Task _running = Task.CompletedTask;

    private long NowMs => time.GetUtcNow().ToUnixTimeMilliseconds();

    public Task StartAsync(CancellationToken cancellationToken)
    {
        _running = Task.Run(RunAsync, CancellationToken.None);
        return Task.CompletedTask;
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await _stop.CancelAsync();
        await _running;
    }

    public void Dispose() => _stop.Dispose();

    private async Task RunAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                await RoundAsync(_stop.Token);
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception problem)
            {
                LogFailed(problem);
                await PauseAsync(RetryAfter, null);
            }
        }
    }

    private async ValueTask RoundAsync(CancellationToken stopping)
    {
        // Before the tables are looked at: what is scheduled after that ends the wait.
        var rung = bell.Rung;
        if (await events.SendDueAsync(stopping))
        {
            await PauseAsync(RetryAfter, null);
            return;
        }
        var firstDueMs = await queries.FindFirstDueAsync(stopping);
        await PauseAsync(
            firstDueMs is { } due
                ? TimeSpan.FromMilliseconds(Math.Clamp(due - NowMs, 0, (long)WaitMax.TotalMilliseconds))
                : Timeout.InfiniteTimeSpan,
            rung,
            firstDueMs);
    }

    private async ValueTask PauseAsync(TimeSpan wait, Task? rung, long? untilMs = null)
    {
        using var pause = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        var delay = Task.Delay(wait, time, pause.Token);
        // The clock may have moved on since the wait was counted.
        if (untilMs is null || NowMs < untilMs)
            await Task.WhenAny(delay, rung ?? delay);
        await pause.CancelAsync();
    }

    [LoggerMessage(LogLevel.Error, "Delayed events could not be sent; it is tried again soon")]
    private partial void LogFailed(Exception problem);
}
