using Matrix.EventSourced.Facts;

namespace Matrix.EventSourced.Federation.FedSender;

/// <summary>Turns a fact into the EDUs that tell other servers of it.</summary>
/// <remarks>Ensures: the same fact makes the same bytes. Shape: each is the whole EDU, <c>edu_type</c> and
/// <c>content</c>, canonical JSON.</remarks>
public interface IOutgoingEdus
{
    IReadOnlyList<ReadOnlyMemory<byte>> From(IFact fact);
}
