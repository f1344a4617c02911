using System.Buffers.Binary;
using Matrix.EventSourced.Commands.Messaging;

namespace Matrix.EventSourced.Federation.Discovery;

/// <summary>The order in which the targets of a service are tried: by priority, within one at random by weight.
/// </summary>
/// <remarks>Source: RFC 2782, "The format of the SRV RR".</remarks>
internal static class ServiceOrder
{
    public static IReadOnlyList<ServiceRecord> Of(IReadOnlyList<ServiceRecord> records, IRandom random)
    {
        var ordered = new List<ServiceRecord>(records.Count);
        foreach (var group in records.GroupBy(record => record.Priority).OrderBy(group => group.Key))
        {
            // Weight 0 stands first, so that it is taken only when the draw is 0.
            var rest = group.OrderBy(record => record.Weight).ToList();
            while (rest.Count > 0)
            {
                var draw = Draw(rest.Sum(record => (long)record.Weight), random);
                var index = 0;
                for (var sum = (long)rest[0].Weight; sum < draw; sum += rest[index].Weight)
                    index++;
                ordered.Add(rest[index]);
                rest.RemoveAt(index);
            }
        }
        return ordered;
    }

    /// <summary>A number from 0 to the bound, both included.</summary>
    private static long Draw(long bound, IRandom random)
    {
        Span<byte> bytes = stackalloc byte[8];
        random.Fill(bytes);
        return (long)(BinaryPrimitives.ReadUInt64LittleEndian(bytes) % (ulong)(bound + 1));
    }
}
