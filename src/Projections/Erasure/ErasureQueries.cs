using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.Roomserver;
using Npgsql;

namespace Matrix.EventSourced.Projections.Erasure;

/// <summary>A redacted PDU whose content stands in the log. Units: Positions, log positions of the records that hold
/// it, in order.</summary>
public sealed record PendingErasure(string RoomId, string EventId, string RedactedBy, long[] Positions);

/// <summary>Reads what waits to be erased.</summary>
/// <remarks>Requires: the caller waited for <see cref="ErasureProjection.Gate"/>.</remarks>
public sealed class ErasureQueries(NpgsqlDataSource database, IProjectionSchemas schemas)
{
    /// <summary>Redactions recorded at or before a time, the oldest first.</summary>
    public async ValueTask<List<PendingErasure>> FindDueAsync(
        long recordedUpToMs, int limit, CancellationToken cancellationToken)
    {
        var erasure = schemas.Live(ErasureProjection.ProjectionName);
        var rooms = schemas.Live(RoomserverProjection.ProjectionName);
        var found = new List<PendingErasure>();
        var batch = new QueryBatch(database);
        batch.Add(
            $"""
            SELECT r.room_id, r.event_id, r.redacted_by, ARRAY(
                SELECT s.position FROM {erasure}.records s WHERE s.event_id = r.event_id
                UNION
                SELECT abs(p.position) FROM {rooms}.pdus p WHERE p.event_id = r.event_id
                ORDER BY 1)
            FROM {erasure}.redactions r WHERE r.recorded_ms <= $1 ORDER BY r.position LIMIT $2
            """,
            parameters =>
            {
                parameters.AddBigInt(recordedUpToMs);
                parameters.AddInt(limit);
            },
            row => found.Add(new(
                row.GetString(0), row.GetString(1), row.GetString(2), row.GetFieldValue<long[]>(3))));
        await batch.ExecuteAsync(cancellationToken);
        return found;
    }

    /// <summary>When the oldest redaction was recorded that waits; null for none. Units: Unix milliseconds.</summary>
    public async ValueTask<long?> FindOldestAsync(CancellationToken cancellationToken)
    {
        long? oldest = null;
        var batch = new QueryBatch(database);
        batch.Add(
            $"""
            SELECT recorded_ms FROM {schemas.Live(ErasureProjection.ProjectionName)}.redactions
            ORDER BY position LIMIT 1
            """,
            static _ => { },
            row => oldest = row.GetInt64(0));
        await batch.ExecuteAsync(cancellationToken);
        return oldest;
    }
}
