using System.Collections.Immutable;
using Matrix.EventSourced.Facts.EduServer;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Protocol.Identifiers;
using Npgsql;

namespace Matrix.EventSourced.Projections.EduServer;

/// <summary>A room of which a reader has seen everything up to a position; 0 for nothing.</summary>
public readonly record struct EduRange(string RoomId, long After);

/// <summary>Who types in a room.</summary>
public sealed record RoomTyping(string RoomId, string[] UserIds);

/// <summary>A receipt as it is shown. Shape: ThreadId null for an unthreaded one. Units: Ts, Unix milliseconds.
/// </summary>
public sealed record RoomReceipt(
    string RoomId, string EventId, string Type, string UserId, string? ThreadId, long Ts);

/// <summary>A user's presence as it is shown. Units: LastActiveMs, Unix milliseconds.</summary>
public sealed record UserPresence(
    string UserId, PresenceState Presence, string? StatusMsg, long LastActiveMs, bool IsCurrentlyActive);

/// <summary>Reads the EduServer's tables: every question is one round trip.</summary>
/// <remarks>Requires: the caller went through the gate, or knows the position it asks for as committed.</remarks>
public sealed class EduReader(NpgsqlDataSource database, IProjectionSchemas schemas)
{
    /// <summary>LIMIT: receipts told of one room at once. Ours: of a room with more readers the newest, and always the
    /// reader's own.</summary>
    private const int ReceiptsMax = 2_000;

    /// <summary>LIMIT: presences told at once. Ours: the newest; a client shows fewer.</summary>
    private const int PresencesMax = 5_000;

    private string Edus => schemas.Live(EduServerProjection.ProjectionName);

    private string Rooms => schemas.Live(RoomserverProjection.ProjectionName);

    /// <summary>What is new in rooms, for one reader: private receipts are shown to their users only.</summary>
    /// <remarks>Typing is told as it is now, which may be later than the position: the list replaces any other. Who
    /// left the room types there no more, whatever they said before.</remarks>
    public async ValueTask<(List<RoomTyping> Typing, List<RoomReceipt> Receipts)> ReadRoomsAsync(
        IReadOnlyList<EduRange> ranges, long upTo, string userId, CancellationToken cancellationToken)
    {
        var typing = new List<RoomTyping>();
        var receipts = new List<RoomReceipt>();
        var batch = new QueryBatch(database);
        batch.Add(
            $"""
            SELECT t.room_id, coalesce(array_agg(x.user_id ORDER BY x.place) FILTER (WHERE x.place >= 0), '{"{}"}')
            FROM unnest($1, $2) AS k (room_id, after)
            JOIN {Edus}.typing t ON t.room_id = k.room_id AND t.position > k.after
            LEFT JOIN ({Edus}.typists x JOIN {Rooms}.memberships m
                ON m.user_id = x.user_id AND m.room_id = x.room_id AND m.membership = {(int)Membership.Join})
                ON x.room_id = t.room_id
            GROUP BY t.room_id
            """,
            parameters => AddRanges(parameters, ranges),
            row => typing.Add(new(row.GetString(0), row.GetFieldValue<string[]>(1))));
        batch.Add(
            $"""
            SELECT k.room_id, r.event_id, r.type, r.user_id, r.thread_id, r.ts
            FROM unnest($1, $2) AS k (room_id, after)
            CROSS JOIN LATERAL (
                SELECT * FROM {Edus}.receipts r
                WHERE r.room_id = k.room_id AND r.position > k.after AND r.position <= $3
                    AND (r.type <> '{ReceiptTypes.ReadPrivate}' OR r.user_id = $4)
                ORDER BY r.user_id = $4 DESC, r.position DESC LIMIT {ReceiptsMax}) r
            ORDER BY k.room_id, r.position
            """,
            parameters =>
            {
                AddRanges(parameters, ranges);
                parameters.AddBigInt(upTo);
                parameters.AddText(userId);
            },
            row => receipts.Add(new(
                row.GetString(0),
                row.GetString(1),
                row.GetString(2),
                row.GetString(3),
                row.GetString(4) is { Length: > 0 } thread ? thread : null,
                row.GetInt64(5))));
        await batch.ExecuteAsync(cancellationToken);
        return (typing, receipts);
    }

    /// <summary>The presence of the reader and of those who share a room with them: what changed since a position,
    /// and all of it for newly shared rooms and users. Null: everybody who is not simply offline.</summary>
    public async ValueTask<List<UserPresence>> ReadPresenceAsync(
        string userId,
        long? since,
        long upTo,
        IReadOnlyCollection<string> newRooms,
        IReadOnlyCollection<string> newUsers,
        CancellationToken cancellationToken)
    {
        var found = new List<UserPresence>();
        var batch = new QueryBatch(database);
        batch.Add(
            $"""
            SELECT p.user_id, p.presence, p.status_msg, p.last_active_ms, p.currently_active
            FROM {Edus}.presence p
            WHERE p.position <= $3 AND (
                (p.position > $2 AND (p.user_id = $1 OR EXISTS (
                    SELECT 1 FROM {Rooms}.memberships a
                    JOIN {Rooms}.memberships b ON b.user_id = p.user_id AND b.room_id = a.room_id
                    WHERE a.user_id = $1 AND a.membership = {(int)Membership.Join}
                        AND b.membership = {(int)Membership.Join})))
                OR p.user_id = ANY ($5)
                OR p.user_id IN (
                    SELECT s.state_key FROM {Rooms}.state s
                    WHERE s.room_id = ANY ($4) AND s.type = 'm.room.member'
                        AND s.to_position = {RoomserverSchema.OpenEnd} AND s.membership = {(int)Membership.Join}))
                AND ($6 OR p.presence <> {(int)PresenceState.Offline} OR p.status_msg IS NOT NULL)
            ORDER BY p.position DESC LIMIT {PresencesMax}
            """,
            parameters =>
            {
                parameters.AddText(userId);
                parameters.AddBigInt(since ?? 0);
                parameters.AddBigInt(upTo);
                parameters.AddTexts([.. newRooms]);
                parameters.AddTexts([.. newUsers]);
                parameters.AddBoolean(since is not null);
            },
            row => found.Add(ReadPresence(row)));
        await batch.ExecuteAsync(cancellationToken);
        found.Reverse();
        return found;
    }

    /// <summary>A user's presence, or null where nothing was ever said.</summary>
    public async ValueTask<UserPresence?> FindPresenceAsync(string userId, CancellationToken cancellationToken)
    {
        UserPresence? found = null;
        var batch = new QueryBatch(database);
        batch.Add(
            $"""
            SELECT user_id, presence, status_msg, last_active_ms, currently_active
            FROM {Edus}.presence WHERE user_id = $1
            """,
            parameters => parameters.AddText(userId),
            row => found = ReadPresence(row));
        await batch.ExecuteAsync(cancellationToken);
        return found;
    }

    /// <summary>Whether two users are joined to the same room.</summary>
    public async ValueTask<bool> ShareARoomAsync(string one, string other, CancellationToken cancellationToken)
    {
        var found = false;
        var batch = new QueryBatch(database);
        batch.Add(
            $"""
            SELECT 1 FROM {Rooms}.memberships a JOIN {Rooms}.memberships b ON b.user_id = $2 AND b.room_id = a.room_id
            WHERE a.user_id = $1 AND a.membership = {(int)Membership.Join}
                AND b.membership = {(int)Membership.Join} LIMIT 1
            """,
            parameters =>
            {
                parameters.AddText(one);
                parameters.AddText(other);
            },
            _ => found = true);
        await batch.ExecuteAsync(cancellationToken);
        return found;
    }

    /// <summary>Up to where a user has read; null where nothing says so.</summary>
    public async ValueTask<(EventId EventId, long Ts)?> FindReceiptAsync(
        RoomId roomId, UserId userId, string type, string? threadId, CancellationToken cancellationToken)
    {
        (EventId, long)? found = null;
        var batch = new QueryBatch(database);
        batch.Add(
            $"""
            SELECT event_id, ts FROM {Edus}.receipts
            WHERE room_id = $1 AND user_id = $2 AND type = $3 AND thread_id = $4
            """,
            parameters =>
            {
                parameters.AddText(roomId.Value);
                parameters.AddText(userId.Value);
                parameters.AddText(type);
                parameters.AddText(threadId ?? string.Empty);
            },
            row => found = (EventId.Parse(row.GetString(0)), row.GetInt64(1)));
        await batch.ExecuteAsync(cancellationToken);
        return found;
    }

    /// <summary>Every room in which somebody types.</summary>
    public async ValueTask<IReadOnlyList<(RoomId RoomId, ImmutableArray<Typist> Typists)>> TypingRoomsAsync(
        CancellationToken cancellationToken)
    {
        var rooms = new List<(RoomId RoomId, ImmutableArray<Typist> Typists)>();
        var batch = new QueryBatch(database);
        batch.Add(
            $"SELECT room_id, user_id, until_ms FROM {Edus}.typists ORDER BY room_id, place",
            static _ => { },
            row =>
            {
                var room = RoomId.Parse(row.GetString(0));
                var typist = new Typist(UserId.Parse(row.GetString(1)), row.GetInt64(2));
                if (rooms.Count > 0 && rooms[^1].RoomId == room)
                    rooms[^1] = (room, rooms[^1].Typists.Add(typist));
                else
                    rooms.Add((room, [typist]));
            });
        await batch.ExecuteAsync(cancellationToken);
        return rooms;
    }

    /// <summary>Everybody who is not offline.</summary>
    public async ValueTask<IReadOnlyList<UserPresence>> PresentUsersAsync(CancellationToken cancellationToken)
    {
        var found = new List<UserPresence>();
        var batch = new QueryBatch(database);
        batch.Add(
            $"""
            SELECT user_id, presence, status_msg, last_active_ms, currently_active
            FROM {Edus}.presence WHERE presence <> {(int)PresenceState.Offline} ORDER BY user_id
            """,
            static _ => { },
            row => found.Add(ReadPresence(row)));
        await batch.ExecuteAsync(cancellationToken);
        return found;
    }

    private static UserPresence ReadPresence(NpgsqlDataReader row) => new(
        row.GetString(0),
        (PresenceState)row.GetInt16(1),
        row.IsDBNull(2) ? null : row.GetString(2),
        row.GetInt64(3),
        row.GetBoolean(4));

    private static void AddRanges(NpgsqlParameterCollection parameters, IReadOnlyList<EduRange> ranges)
    {
        parameters.AddTexts([.. ranges.Select(range => range.RoomId)]);
        parameters.AddBigInts([.. ranges.Select(range => range.After)]);
    }
}
