using Google.Protobuf;
using Google.Protobuf.Collections;
using Matrix.EventSourced.EventStore.Wire;

namespace Matrix.EventSourced.EventStore.Gateway;

/// <summary>An append as its parts come in, until it is whole.</summary>
internal sealed class ProposedAppend
{
    /// <summary>LIMIT: records of one append. Ours: empty ones cost memory too, and the bytes do not count
    /// them.</summary>
    private const int RecordsMax = 16_384;

    private readonly List<NewRecord> _records = [];

    /// <summary>Throws a <see cref="GatewayRefusal"/> for a stream that nobody appends to.</summary>
    public ProposedAppend(StreamName stream, ExpectedRevision expected)
    {
        if (stream.IsMetadata && stream.Described.IsMetadata)
            throw GatewayRefusal.BadRequest("Metadata has no metadata of its own.");
        Stream = stream;
        Expected = expected;
    }

    public StreamName Stream { get; }

    public ExpectedRevision Expected { get; }

    public IReadOnlyList<NewRecord> Records => _records;

    /// <summary>Bytes of data and metadata so far.</summary>
    public int Bytes { get; private set; }

    /// <summary>Adds a record; throws a <see cref="GatewayRefusal"/> for one that cannot be appended.</summary>
    public void Add(UUID? id, MapField<string, string> metadata, ByteString customMetadata, ByteString data)
    {
        if (WireIds.Read(id) is not { } recordId)
            throw GatewayRefusal.BadRequest("Each message needs an id.");
        if (!metadata.TryGetValue(WireRecords.Type, out var type) || !WireNames.IsName(type))
            throw GatewayRefusal.MissingMetadata("Each message needs a type.");
        if (!metadata.TryGetValue(WireRecords.ContentType, out var content)
            || content is not (WireRecords.Json or WireRecords.Binary))
        {
            throw GatewayRefusal.MissingMetadata(
                $"Each message needs a content-type: {WireRecords.Json} or {WireRecords.Binary}.");
        }
        if (_records.Count == RecordsMax)
            throw GatewayRefusal.BadRequest($"An append holds at most {RecordsMax} messages.");
        if ((long)Bytes + data.Length + customMetadata.Length > EventStoreLimits.AppendBytesMax)
            throw GatewayRefusal.TooLarge();
        Bytes += data.Length + customMetadata.Length;
        _records.Add(
            new NewRecord(recordId, type, data.Memory, customMetadata.Memory) { IsJson = content == WireRecords.Json });
    }
}
