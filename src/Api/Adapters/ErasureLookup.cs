using Matrix.EventSourced.Commands.Erasure;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Facts.Roomserver;
using Matrix.EventSourced.Projections.Erasure;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.Relations;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;

namespace Matrix.EventSourced.Api.Adapters;

/// <summary>What waits to be erased, from its projection.</summary>
internal sealed class ErasureLookup(ErasureQueries queries, IProjectionGate gate) : IErasureLookup
{
    public async ValueTask<IReadOnlyList<DueErasure>> FindDueAsync(
        long recordedUpToMs, int limit, CancellationToken cancellationToken)
    {
        await gate.WaitForHeadAsync(ErasureProjection.Gate, cancellationToken);
        var due = await queries.FindDueAsync(recordedUpToMs, limit, cancellationToken);
        return due.ConvertAll(one => new DueErasure(
            RoomId.Parse(one.RoomId),
            EventId.Parse(one.EventId),
            EventId.Parse(one.RedactedBy),
            Array.ConvertAll(one.Positions, position => new LogPosition((ulong)position))));
    }

    public ErasedContent RemainsOf(Pdu pdu) => Relation.Find(pdu.Content) switch
    {
        null => new ErasedContent(),
        { Type: Relation.Thread } thread => new ErasedContent(Thread: EventId.Parse(thread.EventId)),
        var other => new ErasedContent(Parent: EventId.Parse(other.EventId)),
    };
}
