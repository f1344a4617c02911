using Matrix.EventSourced.Api.Sync;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.Relations;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Projections.Sync;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Api.ClientApi.Reading;

/// <summary>Finds the bundled aggregations of the events that an answer shows.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #aggregations-of-child-events. Nothing after the answer's position is counted: the
/// client gets that by /sync and counts it itself.
/// </remarks>
internal sealed class EventBundler(
    RelationBundles bundles, VisibleStretchReader stretches, IgnoredUsers ignored, IProjectionGate gate)
{
    /// <summary>The audience with what it is shown beside these events.</summary>
    public async ValueTask<EventAudience> BundleAsync(
        EventAudience audience, IEnumerable<StoredEvent> events, long position, CancellationToken cancellationToken)
    {
        await gate.WaitForAsync(RelationQueries.Gate, new LogPosition((ulong)position), cancellationToken);
        var parents = await bundles.FindParentsAsync(events, cancellationToken);
        if (parents.Count == 0)
            return audience;
        var rooms = parents.Select(parent => parent.RoomId).Distinct().ToList();
        var reader = await ReaderAsync(UserId.Parse(audience.UserId), rooms, position, cancellationToken);
        return audience with { Bundles = await bundles.ReadAsync(parents, reader, cancellationToken) };
    }

    /// <summary>The same for the rooms of a /sync answer that the client cannot count for itself: new to it, or with a
    /// gap.</summary>
    public ValueTask<EventAudience> BundleAsync(
        EventAudience audience, SyncAnswer answer, CancellationToken cancellationToken)
    {
        var events = new List<StoredEvent>();
        foreach (var room in answer.Joined.Concat(answer.Left))
        {
            if (room.IsLimited || room.History is not null)
                events.AddRange(room.Timeline);
        }
        return events.Count == 0 ? new(audience) : BundleAsync(audience, events, answer.NextBatch, cancellationToken);
    }

    /// <summary>What a user may see of the relations in some rooms.</summary>
    public async ValueTask<RelationReader> ReaderAsync(
        UserId userId, IReadOnlyList<string> rooms, long position, CancellationToken cancellationToken)
    {
        var visible = await stretches.ReadAsync(rooms, userId.Value, position, cancellationToken);
        return new(userId.Value, visible, await ignored.OfAsync(userId, cancellationToken));
    }
}
