using Matrix.EventSourced.Projections.EduServer;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Projections.Sync;
using Npgsql;

namespace Matrix.EventSourced.Projections.Push;

/// <summary>How much of a room a user has not read. Shape: HasChanged says that it is other than at the position asked
/// about, or may be; Counts holds the threads that have any.</summary>
public sealed record RoomUnread(string RoomId, bool HasChanged, IReadOnlyList<UnreadCount> Counts);

/// <summary>An event that the user was notified of. Units: Ts, Unix milliseconds. Shape: ActionsJson, an array.
/// </summary>
public sealed record Notification(
    string RoomId, string EventId, long Position, string ActionsJson, bool IsRead, long Ts);

/// <summary>A question for notifications. Before: a log position, exclusive.</summary>
public sealed record NotificationsQuestion(string UserId, IReadOnlyCollection<string> Ignored)
{
    public long Before { get; init; } = long.MaxValue;
    public bool OnlyHighlights { get; init; }
    public int Limit { get; init; } = 20;
}

/// <summary>Reads the push tables, with receipts and memberships of this moment.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #receiving-notifications, #threaded-read-receipts.
/// Requires: the caller waited for <see cref="PushProjection.Gate"/>.
/// Cost: one round trip; per room at most <see cref="PushLimits.RoomHistoryMax"/> rows of an index.
/// </remarks>
public sealed class PushQueries(NpgsqlDataSource database, IProjectionSchemas schemas)
{
    private string Push => schemas.Live(PushProjection.ProjectionName);

    private string Edus => schemas.Live(EduServerProjection.ProjectionName);

    private string Rooms => schemas.Live(RoomserverProjection.ProjectionName);

    /// <summary>What of the user's joined rooms is unread. <paramref name="rooms"/>: which, and since when the caller
    /// knows the counts; <paramref name="upTo"/>: up to where a change is asked for.</summary>
    public async ValueTask<List<RoomUnread>> CountAsync(
        string userId,
        IReadOnlyList<EduRange> rooms,
        long upTo,
        IReadOnlyCollection<string> ignored,
        CancellationToken cancellationToken)
    {
        var counts = new Dictionary<string, List<UnreadCount>>(StringComparer.Ordinal);
        var changed = new HashSet<string>(StringComparer.Ordinal);
        var batch = new QueryBatch(database);
        Action<NpgsqlParameterCollection> bind = parameters =>
        {
            parameters.AddTexts([.. rooms.Select(room => room.RoomId)]);
            parameters.AddBigInts([.. rooms.Select(room => room.After)]);
            parameters.AddText(userId);
            parameters.AddTexts([.. ignored]);
            parameters.AddBigInt(upTo);
        };
        batch.Add(CountSql, bind, row =>
        {
            var room = row.GetString(0);
            if (!counts.TryGetValue(room, out var list))
                counts[room] = list = [];
            list.Add(new(row.GetString(1), row.GetInt64(2), row.GetInt64(3)));
            if (row.GetBoolean(4))
                changed.Add(room);
        });
        batch.Add(
            MovedSql,
            parameters =>
            {
                parameters.AddTexts([.. rooms.Select(room => room.RoomId)]);
                parameters.AddBigInts([.. rooms.Select(room => room.After)]);
                parameters.AddText(userId);
                parameters.AddBigInt(upTo);
            },
            row => changed.Add(row.GetString(0)));
        await batch.ExecuteAsync(cancellationToken);
        return
        [
            .. rooms.Select(room => new RoomUnread(
                room.RoomId, changed.Contains(room.RoomId), counts.GetValueOrDefault(room.RoomId) ?? [])),
        ];
    }

    /// <summary>What the user was notified of, newest first: in rooms that they are in, and invites.</summary>
    public async ValueTask<List<Notification>> ListAsync(
        NotificationsQuestion question, CancellationToken cancellationToken)
    {
        var found = new List<Notification>();
        var batch = new QueryBatch(database);
        batch.Add(
            ListSql,
            parameters =>
            {
                parameters.AddText(question.UserId);
                parameters.AddBigInt(question.Before);
                parameters.AddBoolean(question.OnlyHighlights);
                parameters.AddInt(question.Limit);
                parameters.AddTexts([.. question.Ignored]);
            },
            row => found.Add(new(
                row.GetString(0),
                row.GetString(1),
                row.GetInt64(2),
                row.GetString(3),
                row.GetBoolean(4),
                row.GetInt64(5))));
        await batch.ExecuteAsync(cancellationToken);
        return found;
    }

    /// <summary>Up to where a user has read, per room and thread; an empty thread is all of them. Who writes has read
    /// their thread up to there.</summary>
    private string MarksSql(string rooms, string user) =>
        $"""
        marks AS MATERIALIZED (
            SELECT x.room_id, x.thread_id, max(x.read_up_to) AS read_up_to FROM (
                SELECT r.room_id, r.thread_id, p.position AS read_up_to
                FROM {rooms} k
                JOIN {Edus}.receipts r ON r.room_id = k.room_id AND r.user_id = {user}
                JOIN {Rooms}.pdus p ON p.event_id = r.event_id AND p.room_id = r.room_id
                UNION ALL
                SELECT s.room_id, s.thread_id, s.position
                FROM {rooms} k JOIN {Push}.sent s ON s.room_id = k.room_id AND s.user_id = {user}
            ) x GROUP BY x.room_id, x.thread_id)
        """;

    private string CountSql =>
        $"""
        WITH mine AS MATERIALIZED (
            SELECT k.room_id, k.after, m.since_position FROM unnest($1, $2) AS k (room_id, after)
            JOIN {Push}.members m ON m.room_id = k.room_id AND m.user_id = $3
                AND m.membership = {(int)Membership.Join}),
        {MarksSql("mine", "$3")},
        starts AS MATERIALIZED (
            SELECT k.room_id, k.after, greatest(k.since_position, coalesce(a.read_up_to, 0)) AS start
            FROM mine k LEFT JOIN marks a ON a.room_id = k.room_id AND a.thread_id = '')
        SELECT k.room_id, n.thread_id, count(*), count(*) FILTER (WHERE n.is_highlight),
            bool_or(n.position > k.after AND n.position <= $5)
        FROM starts k
        CROSS JOIN LATERAL (
            SELECT s.thread_id, s.position, s.is_highlight, s.sender FROM {Push}.shared s
            WHERE s.room_id = k.room_id AND s.position > k.start AND s.sender <> $3
                AND NOT EXISTS (
                    SELECT FROM {Push}.personal o
                    WHERE o.user_id = $3 AND o.room_id = k.room_id AND o.position = s.position)
            UNION ALL
            SELECT p.thread_id, p.position, p.is_highlight, p.sender FROM {Push}.personal p
            WHERE p.user_id = $3 AND p.room_id = k.room_id AND p.position > k.start AND p.notifies
        ) n
        LEFT JOIN marks t ON t.room_id = k.room_id AND t.thread_id = n.thread_id
        WHERE n.position > coalesce(t.read_up_to, 0) AND n.sender <> ALL ($4)
        GROUP BY k.room_id, n.thread_id ORDER BY k.room_id, n.thread_id
        """;

    /// <summary>Rooms in which the user read or wrote something, or a notification was redacted away.</summary>
    private string MovedSql =>
        $"""
        SELECT k.room_id FROM unnest($1, $2) AS k (room_id, after)
        WHERE EXISTS (
                SELECT FROM {Edus}.receipts r
                WHERE r.room_id = k.room_id AND r.user_id = $3 AND r.position > k.after AND r.position <= $4)
            OR EXISTS (
                SELECT FROM {Push}.sent s
                WHERE s.room_id = k.room_id AND s.user_id = $3 AND s.position > k.after AND s.position <= $4)
            OR EXISTS (
                SELECT FROM {Push}.rooms r
                WHERE r.room_id = k.room_id AND r.redacted_position > k.after AND r.redacted_position <= $4)
        """;

    private string ListSql =>
        $"""
        WITH mine AS MATERIALIZED (
            SELECT m.room_id, m.since_position FROM {Push}.members m
            WHERE m.user_id = $1 AND m.membership = {(int)Membership.Join}),
        {MarksSql("mine", "$1")},
        found AS MATERIALIZED (
            SELECT n.* FROM (
                SELECT s.* FROM mine k CROSS JOIN LATERAL (
                    SELECT s.room_id, s.event_id, s.position, s.actions, s.ts, s.thread_id FROM {Push}.shared s
                    WHERE s.room_id = k.room_id AND s.position > k.since_position AND s.position < $2
                        AND s.sender <> $1 AND s.sender <> ALL ($5) AND (NOT $3 OR s.is_highlight)
                        AND NOT EXISTS (
                            SELECT FROM {Push}.personal o
                            WHERE o.user_id = $1 AND o.room_id = k.room_id AND o.position = s.position)
                    ORDER BY s.position DESC LIMIT $4) s
                UNION ALL
                SELECT p.room_id, p.event_id, p.position, p.actions, p.ts, p.thread_id FROM {Push}.personal p
                WHERE p.user_id = $1 AND p.position < $2 AND p.notifies AND p.sender <> ALL ($5)
                    AND (NOT $3 OR p.is_highlight)
            ) n ORDER BY n.position DESC LIMIT $4)
        SELECT n.room_id, n.event_id, n.position, n.actions,
            n.position <= greatest(
                coalesce(k.since_position, 0), coalesce(a.read_up_to, 0), coalesce(t.read_up_to, 0)),
            n.ts
        FROM found n
        LEFT JOIN mine k ON k.room_id = n.room_id
        LEFT JOIN marks a ON a.room_id = n.room_id AND a.thread_id = ''
        LEFT JOIN marks t ON t.room_id = n.room_id AND t.thread_id = n.thread_id
        ORDER BY n.position DESC
        """;
}
