using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.AppService;
using Matrix.EventSourced.Protocol;

namespace Matrix.EventSourced.Api.AppService;

/// <summary>How far an application service is, as the log has it.</summary>
/// <remarks>Units: times in Unix milliseconds. Shape: AttemptUpTo is set while a transaction is to be sent again.
/// </remarks>
internal sealed record AppserviceProgress(
    long DeliveredUpTo, long? AttemptUpTo, int Failures, long FailingSinceMs, long RetryAtMs)
{
    public static AppserviceProgress Delivered(long upTo) => new(upTo, null, 0, 0, 0);
}

/// <summary>Reads and writes the facts of <c>appservice-…</c>.</summary>
/// <remarks>Errors: EventStoreException; who sends waits until the log is there again.</remarks>
internal sealed class AppserviceDeliveryLog(
    IEventReader reader, IEventAppender writer, FactAppender appender, TimeProvider time)
{
    /// <summary>Null for a service that nobody has followed yet.</summary>
    public async ValueTask<AppserviceProgress?> ReadAsync(string service, CancellationToken cancellationToken)
    {
        await foreach (var record in reader.ReadStreamAsync(
            Stream(service), null, ReadDirection.Backwards, 1, cancellationToken))
        {
            return FactCodec.Decode(record.Type, record.Data) switch
            {
                AppserviceTransactionBegun fact => new AppserviceProgress(fact.DeliveredUpTo, fact.UpTo, 0, 0, 0),
                AppserviceTransactionDelivered fact => AppserviceProgress.Delivered(fact.UpTo),
                AppserviceDeliveryFailed fact => new AppserviceProgress(
                    fact.DeliveredUpTo, fact.AttemptUpTo, fact.Failures, fact.FailingSinceMs, fact.RetryAtMs),
                var other => throw new InvalidOperationException($"{other.GetType()} in {record.Stream}."),
            };
        }
        return null;
    }

    public async ValueTask WriteAsync(IAppserviceFact fact)
    {
        var stream = Stream(fact.AppserviceId);
        var context = new CommandContext(FactActor.Self, time.GetUtcNow().ToUnixTimeMilliseconds(), "appservice");
        var result = await appender.AppendAsync(stream, ExpectedRevision.Any, [fact], context);
        if (result is AppendResult.Appended { Revision: 0 })
            await writer.SetStreamMetadataAsync(stream, new StreamMetadata(MaxCount: Limits.AppserviceRecordsMax));
    }

    private static StreamName Stream(string service) => new(StreamCategories.Appservice, service);
}
