using Matrix.EventSourced.Facts.FedSender;
using Matrix.EventSourced.Federation.Transport;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Federation.FedSender;

/// <summary>Sends to one server: one transaction at a time, in order.</summary>
/// <remarks>
/// <code>
///   wait until due ──► rows after the last delivery ──► build ──► send ──► 200: deliver, go on
///        ▲                   │ none: end                            └────► else: back off, the same again
///        └───────────────────┴─────────────────────────────────────────────────┘
/// </code>
/// Runs while something waits; a signal starts it anew. LOCK: a leaf.
/// </remarks>
internal sealed class DestinationWorker(ServerName destination, FedSenderServices services)
{
    private readonly Lock _lock = new();
    private DeliveryState? _state;
    private long _recordedUpTo;
    private long _recordedAt;
    private bool _isRunning;
    private bool _hasSignal;
    private TaskCompletionSource? _waiting;
    private DateTimeOffset _lastAttempt;
    private TimeSpan _wakePause = FedSenderLimits.WakeFirst;
    private bool _isAwaken;

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

    /// <summary>The server was heard of: a wait ends now, or soon after the last attempt.</summary>
    public void Wake()
    {
        TaskCompletionSource? waiting;
        lock (_lock)
        {
            if (_state is not { Failures: > 0 } state || _isAwaken)
                return;
            _isAwaken = true;
            var soon = (_lastAttempt + _wakePause).ToUnixTimeMilliseconds();
            if (soon < state.RetryAtMs)
                _state = state with { RetryAtMs = soon };
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
                _state ??= await services.Deliveries.ReadAsync(destination, services.Stopping);
                if (!await SendNextAsync(_state) && TryEnd())
                    return;
                faults = 0;
            }
            catch (OperationCanceledException) when (services.Stopping.IsCancellationRequested)
            {
                break;
            }
            catch (Exception problem)
            {
                // The database or the log is away: not the destination's fault, so no fact is made of it.
                services.LogFault(destination, problem);
                await services.PauseAsync(Backoff(++faults));
            }
        }
        lock (_lock)
            _isRunning = false;
        // Stopping: what was taken since the last fact must not be sent again by the next process.
        if (_state is not null)
            await RecordAsync(isLast: true);
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
    private async ValueTask<bool> SendNextAsync(DeliveryState state)
    {
        lock (_lock)
            _hasSignal = false;
        if (state.Failures > 0)
            await WaitAsync();
        var rows = await services.Queue.QueueAsync(
            destination,
            state.DeliveredUpTo,
            state.AttemptUpTo ?? long.MaxValue,
            Limits.TransactionPdusMax + Limits.TransactionEdusMax,
            services.Stopping);
        if (rows.Count == 0 && state.AttemptUpTo is not null)
        {
            // What the attempt held was superseded meanwhile.
            lock (_lock)
                _state = _state! with { AttemptUpTo = null };
            return true;
        }
        if (rows.Count == 0)
        {
            await RecordAsync(isLast: true);
            return false;
        }
        var transaction = await services.Builder.BuildAsync(
            destination, TransactionBuilder.Take(rows), services.Stopping);
        if (transaction.Content is not { } content)
        {
            await DeliveredAsync(transaction, errors: 0);
            return true;
        }
        await services.Slots.WaitAsync(services.Stopping);
        FederationResult<TransactionTaken> result;
        try
        {
            _lastAttempt = services.Time.GetUtcNow();
            result = await services.Client.SendTransactionAsync(
                destination, transaction.Id, content, services.Stopping);
        }
        finally
        {
            services.Slots.Release();
        }
        if (result is FederationResult<TransactionTaken>.Ok { Value: var taken })
            await DeliveredAsync(transaction, taken.PduErrors.Length);
        else
            await FailedAsync(transaction, result);
        return true;
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
                wait = DateTimeOffset.FromUnixTimeMilliseconds(_state!.RetryAtMs) - services.Time.GetUtcNow();
                if (wait <= TimeSpan.Zero)
                    return;
                _waiting = waiting = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            }
            using var timer = services.Time.CreateTimer(
                static state => ((TaskCompletionSource)state!).TrySetResult(), waiting, wait,
                Timeout.InfiniteTimeSpan);
            await using var stopping = services.Stopping.Register(() => waiting.TrySetCanceled(services.Stopping));
            await waiting.Task;
        }
    }

    private async ValueTask DeliveredAsync(OutgoingTransaction transaction, int errors)
    {
        var hadFailed = _state!.Failures > 0;
        lock (_lock)
        {
            _state = DeliveryState.Initial with { DeliveredUpTo = transaction.UpTo };
            (_wakePause, _isAwaken) = (FedSenderLimits.WakeFirst, false);
        }
        services.LogDelivered(destination, transaction, errors, hadFailed);
        await RecordAsync(isLast: hadFailed);
    }

    /// <summary>Makes the progress a fact, unless more follows at once and the last fact is fresh.</summary>
    private async ValueTask RecordAsync(bool isLast)
    {
        var upTo = _state!.DeliveredUpTo;
        var isFresh = _recordedAt != 0 && services.Time.GetElapsedTime(_recordedAt) < FedSenderLimits.RecordEvery;
        if (upTo <= _recordedUpTo || (isFresh && !isLast))
            return;
        (_recordedUpTo, _recordedAt) = (upTo, services.Time.GetTimestamp());
        await services.Deliveries.WriteAsync(new TransactionDelivered(destination, upTo));
    }

    private async ValueTask FailedAsync(OutgoingTransaction transaction, FederationResult<TransactionTaken> result)
    {
        var now = services.Time.GetUtcNow();
        var (reason, asked) = Describe(result);
        DeliveryFailed fact;
        bool wasAwaken;
        lock (_lock)
        {
            var state = _state!;
            wasAwaken = _isAwaken;
            _isAwaken = false;
            var failures = wasAwaken ? Math.Max(state.Failures, 1) : state.Failures + 1;
            var wait = TimeSpan.FromTicks(Math.Max(Backoff(failures).Ticks, asked.Ticks));
            if (wasAwaken)
                _wakePause = TimeSpan.FromTicks(Math.Min(_wakePause.Ticks * 2, FedSenderLimits.WakeMax.Ticks));
            fact = new DeliveryFailed(
                destination,
                state.DeliveredUpTo,
                transaction.UpTo,
                failures,
                state.FailingSinceMs > 0 ? state.FailingSinceMs : now.ToUnixTimeMilliseconds(),
                (now + wait).ToUnixTimeMilliseconds(),
                reason);
            _state = new DeliveryState(
                fact.DeliveredUpTo, fact.AttemptUpTo, failures, fact.FailingSinceMs, fact.RetryAtMs);
        }
        services.LogFailed(destination, transaction, fact);
        _recordedUpTo = fact.DeliveredUpTo;
        // An attempt that only a sign of life led to changes nothing worth a fact.
        if (!wasAwaken)
            await services.Deliveries.WriteAsync(fact);
    }

    private static (string Reason, TimeSpan Asked) Describe(FederationResult<TransactionTaken> result)
    {
        var (reason, asked) = result switch
        {
            FederationResult<TransactionTaken>.Refused { Error: var error } =>
                ($"{error.Status} {error.ErrCode} {error.Message}", error.RetryAfter ?? TimeSpan.Zero),
            FederationResult<TransactionTaken>.Failed { Answer: FederationAnswer.Unreachable unreachable } =>
                (unreachable.Reason, TimeSpan.Zero),
            FederationResult<TransactionTaken>.Failed { Answer: FederationAnswer.Denied denied } =>
                (denied.Reason, TimeSpan.Zero),
            FederationResult<TransactionTaken>.Failed { Answer: FederationAnswer.TimedOut timedOut } =>
                ($"no answer within {timedOut.After}", TimeSpan.Zero),
            _ => ("the answer cannot be used", TimeSpan.Zero),
        };
        if (asked > FedSenderLimits.BackoffMax)
            asked = FedSenderLimits.BackoffMax;
        return (reason.Length > 300 ? reason[..300] : reason, asked);
    }

    /// <summary>Doubled each time; with a tenth either way, so that servers do not come back all at once.</summary>
    private TimeSpan Backoff(int failures)
    {
        var wait = FedSenderLimits.BackoffFirst * Math.Pow(2, Math.Min(failures - 1, 20));
        if (wait > FedSenderLimits.BackoffMax)
            wait = FedSenderLimits.BackoffMax;
        Span<byte> random = stackalloc byte[1];
        services.Random.Fill(random);
        return wait * (0.9 + (0.2 * random[0] / byte.MaxValue));
    }
}
