using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Facts;

namespace Matrix.EventSourced.Projections.Hosting;

/// <summary>Decodes each record once for all projections that follow closely.</summary>
/// <remarks>Shape: a direct-mapped cache of the newest records; races only cost a second decoding. Facts are immutable,
/// so they may be shared.</remarks>
internal sealed class DecodedRecords
{
    // LIMIT: projections that follow live are within a few records of each other; a rebuild decodes for itself once it
    // is further away.
    private const int SlotCount = 256;

    private readonly DecodedRecord?[] _slots = new DecodedRecord?[SlotCount];

    public DecodedRecord Decode(LogRecord record)
    {
        ref var slot = ref _slots[(int)(record.Position.Value % SlotCount)];
        var held = Volatile.Read(ref slot);
        // Erasure rewrites records: the bytes count, not only the id.
        if (held is not null && held.Record.Position == record.Position && held.Record.RecordId == record.RecordId
            && held.Record.Data.Span.SequenceEqual(record.Data.Span))
        {
            return held;
        }

        var decoded = new DecodedRecord(
            record,
            FactCodec.Decode(record.Type, record.Data),
            FactCodec.DecodeMetadata(record.Metadata));
        Volatile.Write(ref slot, decoded);
        return decoded;
    }
}
