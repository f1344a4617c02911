using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Facts.FedSender;

/// <summary>A fact of the stream <c>destination-…</c>, which keeps only its last records: each says everything.
/// </summary>
public interface IDestinationFact : IFact
{
    ServerName Destination { get; }
}

/// <summary>A server took all that was to be sent to it up to a position:
/// <c>fedsender.transaction_delivered.v1</c>.</summary>
/// <remarks>
/// Shape: UpTo is a position of the log. One fact may stand for several transactions. It also says that the server is
/// up.
/// Consumers: nothing at or before UpTo is ever sent to it again, whatever is replayed.
/// </remarks>
public sealed record TransactionDelivered(ServerName Destination, long UpTo) : IDestinationFact;

/// <summary>A server did not take a transaction: <c>fedsender.delivery_failed.v1</c>.</summary>
/// <remarks>
/// Shape: AttemptUpTo, the position of the last fact in the transaction, so that the next attempt, after a restart too,
/// is the same transaction. Failures counts from 1 and goes back with the next delivery. DeliveredUpTo repeats the last
/// delivery, since the stream forgets. Units: FailingSinceMs and RetryAtMs, Unix milliseconds.
/// Consumers: try again at RetryAtMs, or once the server is heard of.
/// </remarks>
public sealed record DeliveryFailed(
    ServerName Destination,
    long DeliveredUpTo,
    long AttemptUpTo,
    int Failures,
    long FailingSinceMs,
    long RetryAtMs,
    string Reason) : IDestinationFact;
