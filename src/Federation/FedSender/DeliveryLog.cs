using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.FedSender;
using Matrix.EventSourced.Protocol.Identifiers;
using Microsoft.Extensions.Logging;

namespace Matrix.EventSourced.Federation.FedSender;

/// <summary>How far a server is, as the log has it.</summary>
/// <remarks>Units: times in Unix milliseconds. Shape: AttemptUpTo is set while an attempt is to be repeated.</remarks>
public sealed record DeliveryState(
    long DeliveredUpTo, long? AttemptUpTo, int Failures, long FailingSinceMs, long RetryAtMs)
{
    public static readonly DeliveryState Initial = new(0, null, 0, 0, 0);
}

/// <summary>Reads and writes the facts of <c>destination-…</c>.</summary>
/// <remarks>
/// Errors: a store that is down is logged; the next fact says the same and more. What is not recorded may be sent again
/// after a crash.
/// </remarks>
public sealed partial class DeliveryLog(
    IEventReader reader,
    IEventAppender writer,
    FactAppender appender,
    TimeProvider time,
    ILogger<DeliveryLog> logger)
{
    public async ValueTask<DeliveryState> ReadAsync(ServerName destination, CancellationToken cancellationToken)
    {
        await foreach (var record in reader.ReadStreamAsync(
            Stream(destination), null, ReadDirection.Backwards, 1, cancellationToken))
        {
            return FactCodec.Decode(record.Type, record.Data) switch
            {
                TransactionDelivered fact => DeliveryState.Initial with { DeliveredUpTo = fact.UpTo },
                DeliveryFailed fact => new DeliveryState(
                    fact.DeliveredUpTo, fact.AttemptUpTo, fact.Failures, fact.FailingSinceMs, fact.RetryAtMs),
                var other => throw new InvalidOperationException($"{other.GetType()} in {record.Stream}."),
            };
        }
        return DeliveryState.Initial;
    }

    public async ValueTask WriteAsync(IDestinationFact fact)
    {
        var stream = Stream(fact.Destination);
        var context = new CommandContext(FactActor.Self, time.GetUtcNow().ToUnixTimeMilliseconds(), "fedsender");
        try
        {
            var result = await appender.AppendAsync(stream, ExpectedRevision.Any, [fact], context);
            if (result is AppendResult.Appended { Revision: 0 })
            {
                await writer.SetStreamMetadataAsync(
                    stream, new StreamMetadata(MaxCount: FedSenderLimits.DestinationRecordsMax));
            }
        }
        catch (EventStoreException problem)
        {
            LogNotWritten(logger, fact.Destination.Value, problem.Message);
        }
    }

    private static StreamName Stream(ServerName destination) =>
        new(StreamCategories.Destination, destination.Value);

    [LoggerMessage(Level = LogLevel.Error, Message =
        "What {destination} took could not be recorded; it may be sent again: {problem}")]
    private static partial void LogNotWritten(ILogger logger, string destination, string problem);
}
