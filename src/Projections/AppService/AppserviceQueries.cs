using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Protocol.AppServices;
using Matrix.EventSourced.Protocol.Identifiers;
using Npgsql;

namespace Matrix.EventSourced.Projections.AppService;

/// <summary>One fact that waits for an application service: where it stands in the log.</summary>
public sealed record WaitingFact(long Position, StreamName Stream, long Revision, bool IsPdu, long RecordedMs);

/// <summary>Why an application service lags, or that it does not.</summary>
/// <remarks>Units: times in Unix milliseconds; FailingSinceMs and RetryAtMs are 0 while nothing fails, OldestMs is when
/// the oldest waiting fact was recorded, 0 for none.</remarks>
public sealed record AppserviceStatus(
    string AppserviceId,
    long DeliveredUpTo,
    int Failures,
    long FailingSinceMs,
    long RetryAtMs,
    string? Reason,
    long EventsWaiting,
    long EphemeralWaiting,
    long OldestMs);

/// <summary>Reads the AppService's tables.</summary>
public sealed class AppserviceQueries(NpgsqlDataSource database, IProjectionSchemas schemas, IProjectionGate gate)
{
    private string Schema => schemas.Live(AppserviceProjection.ProjectionName);

    /// <summary>What waits for a service between two positions, oldest first. May be behind the log: what comes later
    /// is signalled.</summary>
    public ValueTask<List<WaitingFact>> QueueAsync(
        string service, long after, long upTo, int limit, CancellationToken cancellationToken) => ReadAsync(
            $"""
            SELECT position, stream, revision, is_pdu, recorded_ms FROM {Schema}.queue
            WHERE appservice = $1 AND position > $2 AND position <= $3 ORDER BY position LIMIT $4
            """,
            parameters =>
            {
                parameters.AddText(service);
                parameters.AddBigInt(after);
                parameters.AddBigInt(upTo);
                parameters.AddInt(limit);
            },
            static row => new WaitingFact(
                row.GetInt64(0),
                StreamName.FromStored(row.GetString(1)),
                row.GetInt64(2),
                row.GetBoolean(3),
                row.GetInt64(4)),
            cancellationToken);

    /// <summary>Every service that something waits for, or that was ever sent to; the worst first.</summary>
    public async ValueTask<IReadOnlyList<AppserviceStatus>> StatusAsync(CancellationToken cancellationToken)
    {
        await gate.WaitForHeadAsync(AppserviceProjection.Gate, cancellationToken);
        return await ReadAsync(
            $"""
            SELECT appservice, coalesce(s.delivered_up_to, 0), coalesce(s.failures, 0),
                coalesce(s.failing_since_ms, 0), coalesce(s.retry_at_ms, 0), s.reason,
                coalesce(q.events, 0), coalesce(q.ephemeral, 0), coalesce(q.oldest_ms, 0)
            FROM {Schema}.services s
            FULL JOIN (
                SELECT appservice, count(*) FILTER (WHERE is_pdu) AS events,
                    count(*) FILTER (WHERE NOT is_pdu) AS ephemeral, min(recorded_ms) AS oldest_ms
                FROM {Schema}.queue GROUP BY appservice) q USING (appservice)
            ORDER BY coalesce(s.failures, 0) DESC, coalesce(q.events, 0) DESC, appservice
            """,
            static _ => { },
            static row => new AppserviceStatus(
                row.GetString(0),
                row.GetInt64(1),
                (int)row.GetInt64(2),
                row.GetInt64(3),
                row.GetInt64(4),
                row.IsDBNull(5) ? null : row.GetString(5),
                row.GetInt64(6),
                row.GetInt64(7),
                row.GetInt64(8)),
            cancellationToken);
    }

    /// <summary>Those of some users who are in a room that a service is interested in.</summary>
    public async ValueTask<HashSet<string>> SharingAsync(
        AppserviceRegistration service, IReadOnlyCollection<string> users, CancellationToken cancellationToken)
    {
        var rows = await ReadAsync(
            $"""
            SELECT m.user_id, m.room_id, i.reasons IS NOT NULL FROM {Schema}.members m
            LEFT JOIN {Schema}.interest i ON i.room_id = m.room_id AND i.appservice = $1
            WHERE m.user_id = ANY ($2) AND (i.reasons IS NOT NULL OR $3)
            """,
            parameters =>
            {
                parameters.AddText(service.Id);
                parameters.AddTexts([.. users]);
                parameters.AddBoolean(!service.Rooms.IsEmpty);
            },
            static row => (User: row.GetString(0), Room: row.GetString(1), HasReason: row.GetBoolean(2)),
            cancellationToken);
        var found = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (user, room, hasReason) in rows)
        {
            if (hasReason || service.CoversRoom(RoomId.Parse(room)))
                found.Add(user);
        }
        return found;
    }

    /// <summary>Who is in a room that a service is not interested in any more; nobody where it still is.</summary>
    public async ValueTask<List<string>> LostMembersAsync(
        AppserviceRegistration service, RoomId roomId, CancellationToken cancellationToken) =>
        service.CoversRoom(roomId) ? [] : await ReadAsync(
            $"""
            SELECT user_id FROM {Schema}.members WHERE room_id = $1 AND NOT EXISTS (
                SELECT FROM {Schema}.interest WHERE room_id = $1 AND appservice = $2)
            """,
            parameters =>
            {
                parameters.AddText(roomId.Value);
                parameters.AddText(service.Id);
            },
            static row => row.GetString(0),
            cancellationToken);

    /// <summary>The rooms in the directory of a network, or with network null in those of all; in order.</summary>
    public async ValueTask<IReadOnlyList<string>> ListingsAsync(
        string? service, string? network, CancellationToken cancellationToken)
    {
        await gate.WaitForHeadAsync(AppserviceProjection.Gate, cancellationToken);
        return await ReadAsync(
            $"""
            SELECT DISTINCT room_id FROM {Schema}.listings
            WHERE ($1 IS NULL OR appservice = $1) AND ($2 IS NULL OR network_id = $2) ORDER BY room_id
            """,
            parameters =>
            {
                parameters.AddText(service);
                parameters.AddText(network);
            },
            static row => row.GetString(0),
            cancellationToken);
    }

    private async ValueTask<List<T>> ReadAsync<T>(
        string sql,
        Action<NpgsqlParameterCollection> bind,
        Func<NpgsqlDataReader, T> read,
        CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand(sql);
        bind(command.Parameters);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var rows = new List<T>();
        while (await reader.ReadAsync(cancellationToken))
            rows.Add(read(reader));
        return rows;
    }
}
