using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Protocol.Signing;
using Microsoft.Extensions.Logging;

namespace Matrix.EventSourced.Commands.Roomserver.Workers;

/// <summary>What all room workers share.</summary>
internal sealed record RoomWorkerServices(
    IEventAppender Log,
    RoomStore Store,
    ITransactionLog Transactions,
    IRoomGraph Graph,
    ServerIdentity Identity,
    TimeProvider Clock,
    IRandom Random,
    RoomserverHealth Health,
    ILogger Logger)
{
    /// <summary>LIMIT: how often a command is decided. Ours: beyond that another process writes to the room without
    /// pause.</summary>
    public const int AttemptsMax = 3;

    /// <summary>LIMIT: entries that one decision may ask for late. Ours: the authorisation rules look at fewer in
    /// all.</summary>
    public const int LateEntriesMax = 16;

    public Guid NewRecordId()
    {
        Span<byte> bytes = stackalloc byte[16];
        Random.Fill(bytes);
        return new Guid(bytes);
    }

    public static byte[] MetadataOf(CommandContext context) => FactCodec.EncodeMetadata(
        new FactMetadata(context.CorrelationId, context.CorrelationId, context.Actor, context.ReceivedAtMs));

    /// <summary>How many records from <paramref name="start"/> on fit into one append; at least one.</summary>
    public static int CountThatFits(List<NewRecord> records, int start)
    {
        var bytes = 0;
        for (var i = start; i < records.Count; i++)
        {
            bytes += records[i].Data.Length + records[i].Metadata.Length;
            if (bytes > AppendBytesMax && i > start)
                return i - start;
        }
        return records.Count - start;
    }

    /// <summary>LIMIT: bytes of one append, with room for what the engine adds to each record.</summary>
    private const int AppendBytesMax = EventStoreLimits.RecordBytesMax - (64 * 1_024);
}
