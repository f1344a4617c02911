using Matrix.EventSourced.Commands.EduServer;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.AppService;
using Matrix.EventSourced.Projections.AppService;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Protocol.AppServices;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Api.AppService;

/// <summary>How long things wait.</summary>
internal static class AppserviceTimes
{
    /// <summary>How long to wait after the first failure; doubles.</summary>
    public static readonly TimeSpan BackoffFirst = TimeSpan.FromSeconds(1);

    /// <summary>Ours: a bridge that comes back without saying so waits no longer than this.</summary>
    public static readonly TimeSpan BackoffMax = TimeSpan.FromMinutes(5);

    /// <summary>How soon after an attempt a sign of life leads to the next.</summary>
    public static readonly TimeSpan WakeAfter = TimeSpan.FromSeconds(1);

    /// <summary>How long a service may take over a transaction.</summary>
    public static readonly TimeSpan TransactionTimeout = TimeSpan.FromSeconds(60);

    /// <summary>Doubled each time; with a tenth either way.</summary>
    public static TimeSpan Backoff(int failures, IRandom random)
    {
        var wait = BackoffFirst * Math.Pow(2, Math.Min(failures - 1, 20));
        if (wait > BackoffMax)
            wait = BackoffMax;
        Span<byte> bytes = stackalloc byte[1];
        random.Fill(bytes);
        return wait * (0.9 + (0.2 * bytes[0] / byte.MaxValue));
    }
}

/// <summary>What all workers share.</summary>
internal sealed partial class AppserviceSenderServices(
    AppserviceQueries queue,
    AppserviceTransactionBuilder builder,
    AppserviceDeliveryLog deliveries,
    AppserviceClient client,
    ToDeviceBook toDevice,
    IProjectionGate gate,
    TimeProvider time,
    IRandom random,
    ILogger logger,
    CancellationToken stopping)
{
    public AppserviceQueries Queue => queue;

    public AppserviceTransactionBuilder Builder => builder;

    public AppserviceDeliveryLog Deliveries => deliveries;

    public AppserviceClient Client => client;

    public TimeProvider Time => time;

    public IRandom Random => random;

    public CancellationToken Stopping => stopping;

    /// <summary>A service has got the messages to a device, in the device's stead.</summary>
    public ValueTask AcknowledgeAsync(UserId user, string deviceId, long upTo) =>
        toDevice.AcknowledgeAsync(
            user,
            deviceId,
            upTo,
            new CommandContext(FactActor.Self, time.GetUtcNow().ToUnixTimeMilliseconds(), "appservice"));

    /// <summary>Whether the tables have come up to a position.</summary>
    public async ValueTask<bool> IsProjectedAsync(long position) =>
        (await gate.WaitForAsync(AppserviceProjection.Gate, new LogPosition((ulong)position), stopping)).Value
            >= (ulong)position;

    /// <summary>Waits; ends at once, and without an exception, when the server stops.</summary>
    public Task PauseAsync(TimeSpan wait) => Task
        .Delay(wait, time, stopping)
        .ContinueWith(
            static _ => { },
            CancellationToken.None,
            TaskContinuationOptions.ExecuteSynchronously,
            TaskScheduler.Default);

    public void LogDelivered(string service, AppserviceTransaction transaction, bool hadFailed)
    {
        if (hadFailed)
            LogBack(logger, service, transaction.UpTo);
        LogTaken(logger, service, transaction.Id, transaction.Events, transaction.Ephemeral);
    }

    public void LogFailed(string service, AppserviceTransaction transaction, AppserviceDeliveryFailed fact) =>
        LogNotTaken(logger, service, transaction.Id, fact.Failures, fact.RetryAtMs, fact.Reason);

    public void LogFault(string service, Exception problem) => LogStore(logger, service, problem.Message);

    [LoggerMessage(Level = LogLevel.Debug, Message =
        "{appservice} took transaction {transaction_id}: {events} events, {ephemeral} ephemeral.")]
    private static partial void LogTaken(
        ILogger logger, string appservice, string transaction_id, int events, int ephemeral);

    [LoggerMessage(Level = LogLevel.Information, Message = "{appservice} is back; it has taken all up to {position}.")]
    private static partial void LogBack(ILogger logger, string appservice, long position);

    [LoggerMessage(Level = LogLevel.Information, Message =
        "{appservice} did not take transaction {transaction_id}, failure {failures}, again at {retry_at_ms}: {reason}")]
    private static partial void LogNotTaken(
        ILogger logger, string appservice, string transaction_id, int failures, long retry_at_ms, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "Sending to {appservice} met a fault of our own: {problem}")]
    private static partial void LogStore(ILogger logger, string appservice, string problem);
}

/// <summary>Pushes to application services what they are interested in.</summary>
/// <remarks>One worker each: a service that is away holds up no other, and nothing else. Requires: started after the
/// projections, stopped before them.</remarks>
internal sealed class AppserviceSender : IHostedService, IAppserviceWaker, IDisposable
{
    private readonly CancellationTokenSource _stopping = new();
    private readonly AppserviceSignals _signals;
    private readonly Dictionary<string, AppserviceWorker> _idToWorker;

    public AppserviceSender(
        AppserviceSet services,
        AppserviceSignals signals,
        AppserviceQueries queue,
        AppserviceTransactionBuilder builder,
        AppserviceDeliveryLog deliveries,
        AppserviceClient client,
        ToDeviceBook toDevice,
        IProjectionGate gate,
        TimeProvider time,
        IRandom random,
        ILogger<AppserviceSender> logger)
    {
        _signals = signals;
        var shared = new AppserviceSenderServices(
            queue, builder, deliveries, client, toDevice, gate, time, random, logger, _stopping.Token);
        _idToWorker = services.All.ToDictionary(
            service => service.Id, service => new AppserviceWorker(service, shared), StringComparer.Ordinal);
    }

    public Task StartAsync(CancellationToken cancellationToken)
    {
        // Listening comes first: what is queued meanwhile is heard of twice rather than never.
        _signals.Listen(Queued);
        Queued(null);
        return Task.CompletedTask;
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        _signals.Listen(null);
        await _stopping.CancelAsync();
        await Task.WhenAll(_idToWorker.Values.Select(worker => worker.Running));
    }

    public void Wake(string appserviceId) => _idToWorker.GetValueOrDefault(appserviceId)?.Wake();

    public void Dispose() => _stopping.Dispose();

    private void Queued(IReadOnlyCollection<string>? services)
    {
        foreach (var (id, worker) in _idToWorker)
        {
            if (services is null || services.Contains(id))
                worker.Signal();
        }
    }
}
