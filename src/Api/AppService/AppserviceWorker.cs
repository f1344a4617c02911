using System.Text;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Facts.AppService;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.AppServices;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Api.AppService;

/// <summary>Sends to one application service: one transaction at a time, in order.</summary>
/// <remarks>
/// <code>
///   wait until due ──► rows after the last delivery ──► build ──► "begun" ──► send ──► 2xx: delivered, go on
///        ▲                   │ none: "delivered", end                          └────► else: "failed", the same again
///        └───────────────────┴──────────────────────────────────────────────────────────┘
/// </code>
/// What stands in quotes is a fact. "Begun" says that everything before it was taken, so that a busy service costs one
/// fact for each transaction. Runs while something waits; a signal starts it anew. LOCK: a leaf.
/// </remarks>
internal sealed class AppserviceWorker(AppserviceRegistration service, AppserviceSenderServices services)
{
    private readonly Lock _lock = new();
    private AppserviceProgress? _progress;
    private readonly Dictionary<(string User, string Device), long> _deviceToTakenUpTo = [];
    private AppserviceTransaction? _attempt;
    private long _recordedUpTo = -1;
    private bool _isRunning;
    private bool _hasSignal;
    private TaskCompletionSource? _waiting;
    private DateTimeOffset _lastAttempt;

    public Task Running { get; private set; } = Task.CompletedTask;

    /// <summary>Something may wait.</summary>
    public void Signal()
    {
        lock (_lock)
        {
            _hasSignal = true;
            if (_isRunning || services.Stopping.IsCancellationRequested)
                return;
            _isRunning = true;
            Running = RunAsync();
        }
    }

    /// <summary>The service was heard of: a wait ends now, or soon after the last attempt.</summary>
    public void Wake()
    {
        TaskCompletionSource? waiting;
        lock (_lock)
        {
            if (_progress is not { Failures: > 0 } progress)
                return;
            var soon = (_lastAttempt + AppserviceTimes.WakeAfter).ToUnixTimeMilliseconds();
            if (soon >= progress.RetryAtMs)
                return;
            _progress = progress with { RetryAtMs = soon };
            waiting = _waiting;
        }
        waiting?.TrySetResult();
    }

    private async Task RunAsync()
    {
        // Whoever signals is the projection's loop: it must not wait for us.
        await Task.Yield();
        var faults = 0;
        while (!services.Stopping.IsCancellationRequested)
        {
            try
            {
                _progress ??= await services.Deliveries.ReadAsync(service.Id, services.Stopping)
                    ?? throw new InvalidOperationException($"Nobody began to follow {service.Id}.");
                if (!await SendNextAsync(_progress) && TryEnd())
                    return;
                faults = 0;
            }
            catch (OperationCanceledException) when (services.Stopping.IsCancellationRequested)
            {
                break;
            }
            catch (Exception problem)
            {
                // The database or the log is away: not the service's fault, so no fact is made of it.
                services.LogFault(service.Id, problem);
                await services.PauseAsync(AppserviceTimes.Backoff(++faults, services.Random));
            }
        }
        await RecordBeforeStopAsync();
        lock (_lock)
            _isRunning = false;
    }

    /// <summary>What was taken does not come again after a clean stop.</summary>
    private async ValueTask RecordBeforeStopAsync()
    {
        try
        {
            if (_progress is { AttemptUpTo: null } progress)
                await RecordDeliveryAsync(progress, CancellationToken.None);
        }
        catch (EventStoreException problem)
        {
            // The same transaction will be sent again, under the same id.
            services.LogFault(service.Id, problem);
        }
    }

    private bool TryEnd()
    {
        lock (_lock)
        {
            if (_hasSignal)
                return false;
            _isRunning = false;
            return true;
        }
    }

    /// <summary>False when nothing waits.</summary>
    private async ValueTask<bool> SendNextAsync(AppserviceProgress progress)
    {
        lock (_lock)
            _hasSignal = false;
        if (progress.Failures > 0)
            await WaitAsync();
        var rows = await services.Queue.QueueAsync(
            service.Id,
            progress.DeliveredUpTo,
            progress.AttemptUpTo ?? long.MaxValue,
            Limits.AppserviceEventsMax + Limits.AppserviceEphemeralMax,
            services.Stopping);
        if (rows.Count == 0 && progress.AttemptUpTo is { } gone)
        {
            // The tables have not come so far yet, or what the attempt held is not for the service any more.
            if (await services.IsProjectedAsync(gone))
                SetProgress(AppserviceProgress.Delivered(gone));
            else
                await services.PauseAsync(AppserviceTimes.BackoffFirst);
            return true;
        }
        if (rows.Count == 0)
        {
            await RecordDeliveryAsync(progress, services.Stopping);
            return false;
        }
        var transaction = await services.Builder.BuildAsync(service, rows, _attempt, services.Stopping);
        if (transaction.Content is not { } content || service.Url is null)
        {
            // Nothing is left of it, or the service wants no traffic.
            SetProgress(AppserviceProgress.Delivered(transaction.UpTo));
            return true;
        }
        if (progress.AttemptUpTo is null)
        {
            await services.Deliveries.WriteAsync(
                new AppserviceTransactionBegun(service.Id, progress.DeliveredUpTo, transaction.UpTo));
            await AcknowledgeAsync();
        }
        _attempt = transaction;
        _lastAttempt = services.Time.GetUtcNow();
        var path = $"/transactions/{Uri.EscapeDataString(transaction.Id)}";
        var reply = await services.Client.SendAsync(
            service,
            new AppserviceRequest(
                HttpMethod.Put, "/_matrix/app/v1" + path, path, content, AppserviceTimes.TransactionTimeout),
            services.Stopping);
        if (reply is AppserviceReply.Answered { IsSuccess: true })
            Delivered(transaction, progress);
        else
            await FailedAsync(transaction, progress, reply);
        return true;
    }

    private void Delivered(AppserviceTransaction transaction, AppserviceProgress before)
    {
        services.LogDelivered(service.Id, transaction, before.Failures > 0);
        _attempt = null;
        if (service.TracksDevices)
        {
            foreach (var message in transaction.Messages.SelectMany(static messages => messages))
            {
                if (message.Message.Position <= transaction.UpTo)
                    _deviceToTakenUpTo[(message.UserId, message.DeviceId)] = message.Message.Position;
            }
        }
        SetProgress(AppserviceProgress.Delivered(transaction.UpTo));
    }

    private async ValueTask FailedAsync(
        AppserviceTransaction transaction, AppserviceProgress before, AppserviceReply reply)
    {
        var now = services.Time.GetUtcNow();
        var failures = before.Failures + 1;
        var fact = new AppserviceDeliveryFailed(
            service.Id,
            before.DeliveredUpTo,
            transaction.UpTo,
            failures,
            before.FailingSinceMs > 0 ? before.FailingSinceMs : now.ToUnixTimeMilliseconds(),
            (now + AppserviceTimes.Backoff(failures, services.Random)).ToUnixTimeMilliseconds(),
            ReasonOf(reply));
        services.LogFailed(service.Id, transaction, fact);
        SetProgress(new AppserviceProgress(
            fact.DeliveredUpTo, fact.AttemptUpTo, failures, fact.FailingSinceMs, fact.RetryAtMs));
        await services.Deliveries.WriteAsync(fact);
    }

    private static string ReasonOf(AppserviceReply reply)
    {
        var reason = reply.Describe();
        if (reply is AppserviceReply.Answered { Body.Length: > 0 } answered)
            reason += ": " + Encoding.UTF8.GetString(answered.Body.Span[..Math.Min(answered.Body.Length, 200)]);
        return reason.Length > 300 ? reason[..300] : reason;
    }

    /// <summary>Makes the progress a fact, once nothing more waits.</summary>
    private async ValueTask RecordDeliveryAsync(AppserviceProgress progress, CancellationToken cancellationToken)
    {
        if (_recordedUpTo < 0)
        {
            // The first look after the start: the log says so already.
            _recordedUpTo = (await services.Deliveries.ReadAsync(service.Id, cancellationToken))
                is { AttemptUpTo: null } known ? known.DeliveredUpTo : 0;
        }
        if (progress.DeliveredUpTo <= _recordedUpTo)
            return;
        await services.Deliveries.WriteAsync(new AppserviceTransactionDelivered(service.Id, progress.DeliveredUpTo));
        _recordedUpTo = progress.DeliveredUpTo;
        await AcknowledgeAsync();
    }

    /// <summary>What a service took for devices of users whom nobody else has need not wait for their syncs.</summary>
    /// <remarks>Only once a fact says that it took it: what is sent again must be the same. A crash in between leaves
    /// the messages until the next one to the device, which takes them along.</remarks>
    private async ValueTask AcknowledgeAsync()
    {
        foreach (var ((user, device), upTo) in _deviceToTakenUpTo)
        {
            var userId = UserId.Parse(user);
            if (service.HasUserForItself(userId))
                await services.AcknowledgeAsync(userId, device, upTo);
        }
        _deviceToTakenUpTo.Clear();
    }

    private void SetProgress(AppserviceProgress progress)
    {
        lock (_lock)
            _progress = progress;
    }

    /// <summary>Until the next attempt is due.</summary>
    private async ValueTask WaitAsync()
    {
        while (true)
        {
            TaskCompletionSource waiting;
            TimeSpan wait;
            lock (_lock)
            {
                wait = DateTimeOffset.FromUnixTimeMilliseconds(_progress!.RetryAtMs) - services.Time.GetUtcNow();
                if (wait <= TimeSpan.Zero)
                    return;
                _waiting = waiting = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            }
            using var timer = services.Time.CreateTimer(
                static state => ((TaskCompletionSource)state!).TrySetResult(), waiting, wait, Timeout.InfiniteTimeSpan);
            await using var stopping = services.Stopping.Register(() => waiting.TrySetCanceled(services.Stopping));
            await waiting.Task;
        }
    }
}
