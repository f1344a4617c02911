using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Facts.FedSender;
using Matrix.EventSourced.Federation.Transport;
using Matrix.EventSourced.Projections.FedSender;
using Matrix.EventSourced.Protocol.Identifiers;
using Microsoft.Extensions.Logging;

namespace Matrix.EventSourced.Federation.FedSender;

/// <summary>What all workers share.</summary>
internal sealed partial class FedSenderServices(
    IDeliveryQueue queue,
    TransactionBuilder builder,
    DeliveryLog deliveries,
    FederationClient client,
    TimeProvider time,
    IRandom random,
    ILogger logger,
    CancellationToken stopping)
{
    public IDeliveryQueue Queue => queue;

    public TransactionBuilder Builder => builder;

    public DeliveryLog Deliveries => deliveries;

    public FederationClient Client => client;

    public TimeProvider Time => time;

    public IRandom Random => random;

    public CancellationToken Stopping => stopping;

    /// <summary>Waits; ends at once, and without an exception, when the server stops.</summary>
    public Task PauseAsync(TimeSpan wait) => PauseAsync(wait, time, stopping);

    /// <inheritdoc cref="PauseAsync(TimeSpan)"/>
    public static Task PauseAsync(TimeSpan wait, TimeProvider time, CancellationToken stopping) => Task
        .Delay(wait, time, stopping)
        .ContinueWith(
            static _ => { },
            CancellationToken.None,
            TaskContinuationOptions.ExecuteSynchronously,
            TaskScheduler.Default);

    public SemaphoreSlim Slots { get; } = new(FedSenderLimits.TransactionsMax, FedSenderLimits.TransactionsMax);

    public void LogDelivered(ServerName destination, OutgoingTransaction transaction, int errors, bool hadFailed)
    {
        FedSenderMeter.Delivered(transaction);
        if (hadFailed)
            LogBack(logger, destination.Value, transaction.UpTo);
        LogTaken(logger, destination.Value, transaction.Id, transaction.Pdus, transaction.Edus, errors);
    }

    public void LogFailed(ServerName destination, OutgoingTransaction transaction, DeliveryFailed fact)
    {
        FedSenderMeter.Failed();
        LogNotTaken(logger, destination.Value, transaction.Id, fact.Failures, fact.RetryAtMs, fact.Reason);
    }

    public void LogFault(ServerName destination, Exception problem) =>
        LogStore(logger, destination.Value, problem.Message);

    [LoggerMessage(Level = LogLevel.Debug, Message =
        "{destination} took transaction {transaction_id}: {pdus} PDUs, {edus} EDUs, {errors} not accepted.")]
    private static partial void LogTaken(
        ILogger logger, string destination, string transaction_id, int pdus, int edus, int errors);

    [LoggerMessage(Level = LogLevel.Information, Message = "{destination} is back; it has taken all up to {position}.")]
    private static partial void LogBack(ILogger logger, string destination, long position);

    [LoggerMessage(Level = LogLevel.Information, Message =
        "{destination} did not take transaction {transaction_id}, failure {failures}, again at {retry_at_ms}: {reason}")]
    private static partial void LogNotTaken(
        ILogger logger, string destination, string transaction_id, int failures, long retry_at_ms, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "Sending to {destination} met a fault of our own: {problem}")]
    private static partial void LogStore(ILogger logger, string destination, string problem);
}
