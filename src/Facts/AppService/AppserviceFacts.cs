namespace Matrix.EventSourced.Facts.AppService;

/// <summary>A fact of the stream <c>appservice-…</c>, which keeps only its last records: each says everything.
/// </summary>
public interface IAppserviceFact : IFact
{
    string AppserviceId { get; }
}

/// <summary>A transaction is about to be sent: <c>appservice.transaction_begun.v1</c>.</summary>
/// <remarks>
/// Shape: DeliveredUpTo and UpTo are positions of the log; the transaction holds what is to be sent between them.
/// Written before the first attempt, so that after a crash the same transaction is sent, and not another one that holds
/// some of it.
/// Consumers: nothing at or before DeliveredUpTo is sent again.
/// </remarks>
public sealed record AppserviceTransactionBegun(string AppserviceId, long DeliveredUpTo, long UpTo) : IAppserviceFact;

/// <summary>An application service took all that was to be sent to it up to a position:
/// <c>appservice.transaction_delivered.v1</c>.</summary>
/// <remarks>
/// Shape: UpTo is a position of the log. The first one of a stream says from where on the service is followed.
/// Consumers: nothing at or before UpTo is sent to it again, whatever is replayed.
/// </remarks>
public sealed record AppserviceTransactionDelivered(string AppserviceId, long UpTo) : IAppserviceFact;

/// <summary>An application service did not take a transaction: <c>appservice.delivery_failed.v1</c>.</summary>
/// <remarks>
/// Shape: AttemptUpTo, the position of the last fact in the transaction, which the next attempt repeats. Failures
/// counts from 1 and goes back with the next delivery. Units: FailingSinceMs and RetryAtMs, Unix milliseconds.
/// Consumers: try again at RetryAtMs, or once the service is heard of.
/// </remarks>
public sealed record AppserviceDeliveryFailed(
    string AppserviceId,
    long DeliveredUpTo,
    long AttemptUpTo,
    int Failures,
    long FailingSinceMs,
    long RetryAtMs,
    string Reason) : IAppserviceFact;
