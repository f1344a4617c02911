using System.Globalization;
using System.Text;
using Google.Protobuf;
using Google.Protobuf.Collections;
using Matrix.EventSourced.EventStore.Wire;

namespace Matrix.EventSourced.EventStore.EventStoreDb;

/// <summary>Records, streams and expectations as the protocol carries them.</summary>
// HOT
internal static class WireRecords
{
    private const string TypeKey = "type";
    private const string ContentTypeKey = "content-type";
    private const string CreatedKey = "created";
    private const string Json = "application/json";
    private const string Bytes = "application/octet-stream";

    public static readonly Wire.Empty Nothing = new();

    private static readonly Google.Protobuf.WellKnownTypes.Empty NothingOfGoogle = new();

    public static StreamIdentifier ToWire(StreamName stream) =>
        new() { StreamName = ByteString.CopyFromUtf8(stream.Value) };

    /// <summary>The position of what a read or a subscription said.</summary>
    public static LogPosition PositionOf(ReadResp.Types.ReadEvent said) => new(said.Event.CommitPosition);

    public static LogRecord ToRecord(ReadResp.Types.ReadEvent said)
    {
        var recorded = said.Event;
        recorded.Metadata.TryGetValue(TypeKey, out var type);
        recorded.Metadata.TryGetValue(ContentTypeKey, out var contentType);
        return new LogRecord(
            PositionOf(said),
            StreamName.FromStored(recorded.StreamIdentifier.StreamName.ToStringUtf8()),
            (long)recorded.StreamRevision,
            Guids.FromWire(recorded.Id),
            type ?? string.Empty,
            CreatedMs(recorded.Metadata),
            recorded.Data.Memory,
            recorded.CustomMetadata.Memory)
        {
            IsJson = contentType == Json,
        };
    }

    public static BatchAppendReq ToBatch(
        StreamName stream, ExpectedRevision expected, IReadOnlyList<NewRecord> records)
    {
        var options = new BatchAppendReq.Types.Options { StreamIdentifier = ToWire(stream) };
        if (expected.Revision is { } revision)
            options.StreamPosition = (ulong)revision;
        else if (expected == ExpectedRevision.NoStream)
            options.NoStream = NothingOfGoogle;
        else if (expected == ExpectedRevision.StreamExists)
            options.StreamExists = NothingOfGoogle;
        else
            options.Any = NothingOfGoogle;
        var batch = new BatchAppendReq { Options = options, IsFinal = true };
        for (var i = 0; i < records.Count; i++)
        {
            var message = new BatchAppendReq.Types.ProposedMessage
            {
                Id = Guids.ToWire(records[i].RecordId),
                CustomMetadata = UnsafeByteOperations.UnsafeWrap(records[i].Metadata),
                Data = UnsafeByteOperations.UnsafeWrap(records[i].Data),
            };
            Describe(message.Metadata, records[i]);
            batch.ProposedMessages.Add(message);
        }
        return batch;
    }

    /// <summary>The same append for a node that knows no batches: options first, then each record.</summary>
    public static IEnumerable<AppendReq> ToSingle(BatchAppendReq batch)
    {
        var options = new AppendReq.Types.Options { StreamIdentifier = batch.Options.StreamIdentifier };
        switch (batch.Options.ExpectedStreamPositionCase)
        {
            case BatchAppendReq.Types.Options.ExpectedStreamPositionOneofCase.StreamPosition:
                options.Revision = batch.Options.StreamPosition;
                break;
            case BatchAppendReq.Types.Options.ExpectedStreamPositionOneofCase.NoStream:
                options.NoStream = Nothing;
                break;
            case BatchAppendReq.Types.Options.ExpectedStreamPositionOneofCase.StreamExists:
                options.StreamExists = Nothing;
                break;
            default:
                options.Any = Nothing;
                break;
        }
        yield return new AppendReq { Options = options };
        foreach (var message in batch.ProposedMessages)
        {
            var proposed = new AppendReq.Types.ProposedMessage
            {
                Id = message.Id,
                CustomMetadata = message.CustomMetadata,
                Data = message.Data,
            };
            proposed.Metadata.Add(message.Metadata);
            yield return new AppendReq { ProposedMessage = proposed };
        }
    }

    private static void Describe(MapField<string, string> metadata, NewRecord record)
    {
        metadata.Add(TypeKey, record.Type);
        metadata.Add(ContentTypeKey, record.IsJson ? Json : Bytes);
    }

    /// <summary>From ticks of 100 ns since the Unix epoch, as text.</summary>
    private static long CreatedMs(MapField<string, string> metadata) =>
        metadata.TryGetValue(CreatedKey, out var text)
        && long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var ticks)
            ? ticks / TimeSpan.TicksPerMillisecond
            : 0;
}
