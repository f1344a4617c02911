using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Protocol.Identifiers;
using Npgsql;

namespace Matrix.EventSourced.Projections.Roomserver;

/// <summary>Rooms that two users have joined. Count: of all of them, whatever the page.</summary>
public sealed record SharedRooms(List<string> RoomIds, long Count);

/// <summary>An event that is near a moment.</summary>
public sealed record TimedEvent(string EventId, long OriginServerTs);

/// <summary>Questions about rooms that are asked now and then.</summary>
/// <remarks>Requires: the caller went through the gate.</remarks>
public sealed class RoomQuestions(NpgsqlDataSource database, IProjectionSchemas schemas)
{
    private string Schema => schemas.Live(RoomserverProjection.ProjectionName);

    /// <summary>In the order of the room ids, those after <paramref name="after"/>.</summary>
    public async ValueTask<SharedRooms> FindSharedAsync(
        string user, string other, string after, int limit, CancellationToken cancellationToken)
    {
        var rooms = new List<string>();
        var count = 0L;
        var shared =
            $"""
            FROM {Schema}.memberships a JOIN {Schema}.memberships b ON b.room_id = a.room_id
            WHERE a.user_id = $1 AND b.user_id = $2
                AND a.membership = {(int)Membership.Join} AND b.membership = {(int)Membership.Join}
            """;
        Action<NpgsqlParameterCollection> bind = parameters =>
        {
            parameters.AddText(user);
            parameters.AddText(other);
        };
        var batch = new QueryBatch(database);
        batch.Add($"SELECT count(*) {shared}", bind, row => count = row.GetInt64(0));
        batch.Add(
            $"SELECT a.room_id {shared} AND a.room_id > $3 ORDER BY a.room_id LIMIT $4",
            parameters =>
            {
                bind(parameters);
                parameters.AddText(after);
                parameters.AddInt(limit);
            },
            row => rooms.Add(row.GetString(0)));
        await batch.ExecuteAsync(cancellationToken);
        return new(rooms, count);
    }

    /// <summary>The users of one server who have joined a room, in order.</summary>
    public async ValueTask<IReadOnlyList<UserId>> JoinedOfServerAsync(
        RoomId roomId, ServerName server, CancellationToken cancellationToken)
    {
        var users = new List<UserId>();
        var batch = new QueryBatch(database);
        batch.Add(
            $"""
            SELECT s.state_key FROM {Schema}.state s
            WHERE s.room_id = $1 AND s.type = 'm.room.member' AND s.to_position = {RoomserverSchema.OpenEnd}
                AND s.membership = {(int)Membership.Join} AND right(s.state_key, length($2)) = $2
            ORDER BY s.state_key
            """,
            parameters =>
            {
                parameters.AddText(roomId.Value);
                parameters.AddText(":" + server.Value);
            },
            row => users.Add(UserId.Parse(row.GetString(0))));
        await batch.ExecuteAsync(cancellationToken);
        // A host may end like another one's name and port.
        users.RemoveAll(user => user.Server != server);
        return users;
    }

    /// <summary>The visible event of a room that is nearest to a moment, at it or on one side of it.</summary>
    /// <remarks>History that was fetched is in no stretch and says itself who may see it.</remarks>
    public async ValueTask<TimedEvent?> FindNearestAsync(
        string roomId,
        long timestampMs,
        bool isBackwards,
        VisibleStretches visible,
        bool wasJoined,
        CancellationToken cancellationToken)
    {
        TimedEvent? found = null;
        var (comparison, order) = isBackwards ? ("<=", "DESC") : (">=", "ASC");
        var batch = new QueryBatch(database);
        batch.Add(
            $"""
            SELECT p.event_id, p.origin_server_ts FROM {Schema}.pdus p
            WHERE p.room_id = $1 AND p.disposition IN (0, 4) AND p.origin_server_ts {comparison} $2
                AND ({VisibleStretches.Condition("p", 3)}
                    OR p.visibility = {(int)HistoryVisibility.WorldReadable}
                    OR (p.visibility = {(int)HistoryVisibility.Shared} AND $6))
            ORDER BY p.origin_server_ts {order}, p.anchor {order}, p.position {order} LIMIT 1
            """,
            parameters =>
            {
                parameters.AddText(roomId);
                parameters.AddBigInt(timestampMs);
                visible.AddTo(parameters);
                parameters.AddBoolean(wasJoined);
            },
            row => found = new(row.GetString(0), row.GetInt64(1)));
        await batch.ExecuteAsync(cancellationToken);
        return found;
    }
}
