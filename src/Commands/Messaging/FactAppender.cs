using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Facts;

namespace Matrix.EventSourced.Commands.Messaging;

/// <summary>Turns facts into records of the log, and appends them.</summary>
/// <remarks>
/// Ensures: every record says in its metadata who caused it, when, and in which request. Record ids are random unless
/// the caller gives them:
/// an id derived from a request makes the log itself refuse a second append of it.
/// </remarks>
public sealed class FactAppender(IEventAppender log, IRandom random)
{
    /// <summary>
    /// LIMIT: how often a command decides again after a conflict. Ours: beyond that somebody else is writing without
    /// pause.
    /// </summary>
    public const int DecisionsMax = 4;

    public ValueTask<AppendResult> AppendAsync(
        StreamName stream,
        ExpectedRevision expected,
        IReadOnlyList<IFact> facts,
        CommandContext context,
        Durability durability = Durability.Durable)
    {
        var metadata = EncodeMetadata(context);
        var records = new NewRecord[facts.Count];
        for (var i = 0; i < facts.Count; i++)
            records[i] = Encode(facts[i], metadata, NewRecordId());
        // A write runs to its end: nobody's token reaches it.
        return log.AppendAsync(stream, expected, records, durability, CancellationToken.None);
    }

    /// <summary>Says what a stream keeps. Requires: asked again after a crash, or its loss does not matter.</summary>
    public ValueTask BoundAsync(StreamName stream, StreamMetadata bounds) =>
        log.SetStreamMetadataAsync(stream, bounds, CancellationToken.None);

    /// <summary>One record, for a caller who appends itself.</summary>
    public static NewRecord Encode(IFact fact, ReadOnlyMemory<byte> metadata, Guid recordId)
    {
        var (type, data) = FactCodec.Encode(fact);
        return new NewRecord(recordId, type, data, metadata);
    }

    /// <summary>The metadata of all records of one request.</summary>
    /// <param name="context">Who, when, in which request.</param>
    /// <param name="causation">What led to the facts; the request itself when null.</param>
    public static byte[] EncodeMetadata(CommandContext context, string? causation = null) => FactCodec.EncodeMetadata(
        new FactMetadata(
            causation ?? context.CorrelationId, context.CorrelationId, context.Actor, context.ReceivedAtMs));

    public Guid NewRecordId()
    {
        Span<byte> bytes = stackalloc byte[16];
        random.Fill(bytes);
        return new Guid(bytes);
    }
}
