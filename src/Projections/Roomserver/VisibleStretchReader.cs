using Matrix.EventSourced.Projections.Hosting;
using Npgsql;

namespace Matrix.EventSourced.Projections.Roomserver;

/// <summary>Reads <see cref="VisibleStretches"/>.</summary>
/// <remarks>Cost: two round trips, whatever the number of rooms. Requires: the caller went through the gate.</remarks>
public sealed class VisibleStretchReader(NpgsqlDataSource database, IProjectionSchemas schemas, RoomReader reader)
{
    /// <param name="roomIds">The rooms; unknown ones are seen nowhere.</param>
    /// <param name="userId">The reader; null for one without an account.</param>
    /// <param name="upTo">The position up to which anything is shown.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    public async ValueTask<VisibleStretches> ReadAsync(
        IReadOnlyList<string> roomIds, string? userId, long upTo, CancellationToken cancellationToken)
    {
        var stretches = new VisibleStretches();
        if (roomIds.Count == 0)
            return stretches;
        var schema = schemas.Live(RoomserverProjection.ProjectionName);
        var roomIdToChanges = roomIds.Distinct().ToDictionary(roomId => roomId, _ => new SortedSet<long>());
        var changes = new QueryBatch(database);
        changes.Add(
            $"""
            SELECT s.room_id, s.from_position, s.to_position FROM {schema}.state s
            WHERE s.room_id = ANY ($1) AND s.type = 'm.room.history_visibility' AND s.state_key = ''
            UNION ALL
            SELECT s.room_id, s.from_position, s.to_position FROM {schema}.state s
            WHERE s.room_id = ANY ($1) AND s.type = 'm.room.member' AND s.state_key = $2
            """,
            parameters =>
            {
                parameters.AddTexts([.. roomIds]);
                parameters.AddText(userId ?? string.Empty);
            },
            row =>
            {
                var found = roomIdToChanges[row.GetString(0)];
                found.Add(row.GetInt64(1));
                found.Add(row.GetInt64(2));
            });
        await changes.ExecuteAsync(cancellationToken);
        var batch = reader.Begin();
        var histories = batch.Histories([.. roomIdToChanges.Keys], userId);
        await batch.ExecuteAsync(cancellationToken);
        foreach (var (roomId, found) in roomIdToChanges)
        {
            if (histories[roomId].IsKnown)
                stretches.Add(roomId, histories[roomId], found, upTo);
        }
        return stretches;
    }
}
