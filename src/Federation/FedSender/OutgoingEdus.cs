using Matrix.EventSourced.Facts;

namespace Matrix.EventSourced.Federation.FedSender;

/// <summary>The EDUs of each kind of fact.</summary>
/// <remarks>A kind stands here and in <see cref="Projections.FedSender.EduAudience"/>, which says to whom it
/// goes.</remarks>
public sealed class OutgoingEdus : IOutgoingEdus
{
    public IReadOnlyList<ReadOnlyMemory<byte>> From(IFact fact) => [];
}
