using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.Relations;
using Matrix.EventSourced.Projections.Roomserver;

namespace Matrix.EventSourced.Api.ClientApi.Reading;

/// <summary>Lets through only events that have the children which a filter asks for, and the reader may see.</summary>
internal sealed class RelatedBy(
    RoomAccess access,
    RoomFilter filter,
    IRelationQueries relations,
    VisibleStretchReader stretches,
    IProjectionGate gate)
{
    private VisibleStretches? _visible;

    /// <summary>Null where the filter does not ask for children.</summary>
    public static RelatedBy? Of(MatrixRequest request, RoomAccess access, RoomFilter filter) => filter.IsByRelation
        ? new(
            access,
            filter,
            request.Get<IRelationQueries>(),
            request.Get<VisibleStretchReader>(),
            request.Get<IProjectionGate>())
        : null;

    /// <summary>The ids of those of the events that pass.</summary>
    public async ValueTask<HashSet<string>> FindAsync(
        IReadOnlyList<StoredEvent> events, CancellationToken cancellationToken)
    {
        await gate.WaitForAsync(RelationQueries.Gate, new LogPosition((ulong)access.Position), cancellationToken);
        _visible ??= await stretches.ReadAsync(
            [access.RoomId.Value], access.History.UserId, access.Position, cancellationToken);
        return await relations.RelatedByAsync(
            [.. events.Select(stored => stored.EventId)],
            filter.RelatedBySenders,
            filter.RelatedByRelTypes,
            _visible,
            cancellationToken);
    }
}
