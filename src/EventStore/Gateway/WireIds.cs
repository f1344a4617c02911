using System.Buffers.Binary;
using Matrix.EventSourced.EventStore.Wire;

namespace Matrix.EventSourced.EventStore.Gateway;

/// <summary>Ids as the protocol writes them: text, or two halves of it.</summary>
internal static class WireIds
{
    /// <summary>The id, or null for one that is missing, empty or no UUID.</summary>
    public static Guid? Read(UUID? id)
    {
        var value = id?.ValueCase switch
        {
            UUID.ValueOneofCase.Structured => FromHalves(id.Structured),
            UUID.ValueOneofCase.String when Guid.TryParse(id.String, out var parsed) => parsed,
            _ => Guid.Empty,
        };
        return value == Guid.Empty ? null : value;
    }

    public static UUID Write(Guid id, bool asText)
    {
        if (asText)
            return new UUID { String = id.ToString() };
        Span<byte> bytes = stackalloc byte[16];
        id.TryWriteBytes(bytes, bigEndian: true, out _);
        return new UUID
        {
            Structured = new UUID.Types.Structured
            {
                MostSignificantBits = BinaryPrimitives.ReadInt64BigEndian(bytes),
                LeastSignificantBits = BinaryPrimitives.ReadInt64BigEndian(bytes[8..]),
            },
        };
    }

    private static Guid FromHalves(UUID.Types.Structured halves)
    {
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteInt64BigEndian(bytes, halves.MostSignificantBits);
        BinaryPrimitives.WriteInt64BigEndian(bytes[8..], halves.LeastSignificantBits);
        return new Guid(bytes, bigEndian: true);
    }
}
