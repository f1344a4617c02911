using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Protocol.Identifiers;
using Npgsql;

namespace Matrix.EventSourced.Projections.FedSender;

/// <summary>Which servers are in which rooms.</summary>
/// <remarks>Answers are as of the head of the log at the call; this server is among them where it is joined.</remarks>
public interface IJoinedHosts
{
    ValueTask<IReadOnlyList<ServerName>> InRoomAsync(RoomId roomId, CancellationToken cancellationToken);

    /// <summary>Servers that share a room with a user.</summary>
    ValueTask<IReadOnlyList<ServerName>> SharingWithAsync(UserId userId, CancellationToken cancellationToken);
}

/// <summary>What waits for other servers, as the FedSender asks for it.</summary>
/// <remarks>Answers may be behind the log: what comes later is signalled.</remarks>
public interface IDeliveryQueue
{
    /// <summary>Servers for which something waits.</summary>
    ValueTask<List<string>> WaitingAsync(CancellationToken cancellationToken);

    /// <summary>What waits for a server between two positions, oldest first.</summary>
    ValueTask<List<QueuedFact>> QueueAsync(
        ServerName destination, long after, long upTo, int limit, CancellationToken cancellationToken);
}

/// <summary>One fact that waits for a server: where it stands in the log.</summary>
public sealed record QueuedFact(long Position, StreamName Stream, long Revision, bool IsPdu, long RecordedMs);

/// <summary>Why a server lags, or that it does not.</summary>
/// <remarks>Units: times in Unix milliseconds; FailingSinceMs and RetryAtMs are 0 while nothing fails,
/// OldestMs is when the oldest waiting fact was recorded, 0 for none.</remarks>
public sealed record DestinationStatus(
    string Destination,
    long DeliveredUpTo,
    int Failures,
    long FailingSinceMs,
    long RetryAtMs,
    string? Reason,
    long PdusWaiting,
    long EdusWaiting,
    long OldestMs);

/// <summary>Reads the FedSender's tables.</summary>
public sealed class FedSenderQueries(NpgsqlDataSource database, IProjectionSchemas schemas, IProjectionGate gate)
    : IJoinedHosts, IDeliveryQueue
{
    private static readonly ReadOnlyMemory<string> Projection = new string[] { FedSenderProjection.ProjectionName };

    private string Schema => schemas.Live(FedSenderProjection.ProjectionName);

    public async ValueTask<IReadOnlyList<ServerName>> InRoomAsync(RoomId roomId, CancellationToken cancellationToken)
    {
        await gate.RequireHeadAsync(Projection, cancellationToken);
        return await ReadAsync(
            $"SELECT server FROM {Schema}.hosts WHERE room_id = $1 ORDER BY members DESC, server",
            parameters => parameters.AddText(roomId.Value),
            static row => ServerName.Parse(row.GetString(0)),
            cancellationToken);
    }

    public async ValueTask<IReadOnlyList<ServerName>> SharingWithAsync(
        UserId userId, CancellationToken cancellationToken)
    {
        await gate.RequireHeadAsync(Projection, cancellationToken);
        return await ReadAsync(
            $"""
            SELECT DISTINCT h.server FROM {Schema}.members m JOIN {Schema}.hosts h USING (room_id)
            WHERE m.user_id = $1 ORDER BY h.server
            """,
            parameters => parameters.AddText(userId.Value),
            static row => ServerName.Parse(row.GetString(0)),
            cancellationToken);
    }

    /// <inheritdoc />
    public ValueTask<List<string>> WaitingAsync(CancellationToken cancellationToken) => ReadAsync(
        $"SELECT DISTINCT destination FROM {Schema}.queue",
        static _ => { },
        static row => row.GetString(0),
        cancellationToken);

    /// <inheritdoc />
    public ValueTask<List<QueuedFact>> QueueAsync(
        ServerName destination, long after, long upTo, int limit, CancellationToken cancellationToken) => ReadAsync(
            $"""
            SELECT position, stream, revision, is_pdu, recorded_ms FROM {Schema}.queue
            WHERE destination = $1 AND position > $2 AND position <= $3 ORDER BY position LIMIT $4
            """,
            parameters =>
            {
                parameters.AddText(destination.Value);
                parameters.AddBigInt(after);
                parameters.AddBigInt(upTo);
                parameters.AddInt(limit);
            },
            static row => new QueuedFact(
                row.GetInt64(0),
                StreamName.FromStored(row.GetString(1)),
                row.GetInt64(2),
                row.GetBoolean(3),
                row.GetInt64(4)),
            cancellationToken);

    /// <summary>Where the oldest record of a stream stands that waits for a server; null for none.</summary>
    public async ValueTask<long?> FindOldestQueuedAsync(
        ServerName destination, StreamName stream, CancellationToken cancellationToken)
    {
        await gate.RequireHeadAsync(Projection, cancellationToken);
        var found = await ReadAsync(
            $"""
            SELECT position FROM {Schema}.queue WHERE destination = $1 AND stream = $2 ORDER BY position LIMIT 1
            """,
            parameters =>
            {
                parameters.AddText(destination.Value);
                parameters.AddText(stream.Value);
            },
            static row => (long?)row.GetInt64(0),
            cancellationToken);
        return found is [var position] ? position : null;
    }

    /// <summary>Every server that something waits for, or that was ever sent to; the worst first.</summary>
    public async ValueTask<IReadOnlyList<DestinationStatus>> StatusAsync(CancellationToken cancellationToken)
    {
        await gate.WaitForHeadAsync(Projection, cancellationToken);
        return await ReadAsync(
            $"""
            SELECT destination, coalesce(d.delivered_up_to, 0), coalesce(d.failures, 0),
                coalesce(d.failing_since_ms, 0), coalesce(d.retry_at_ms, 0), d.reason,
                coalesce(q.pdus, 0), coalesce(q.edus, 0), coalesce(q.oldest_ms, 0)
            FROM {Schema}.destinations d
            FULL JOIN (
                SELECT destination, count(*) FILTER (WHERE is_pdu) AS pdus,
                    count(*) FILTER (WHERE NOT is_pdu) AS edus, min(recorded_ms) AS oldest_ms
                FROM {Schema}.queue GROUP BY destination) q USING (destination)
            ORDER BY coalesce(d.failures, 0) DESC, coalesce(q.pdus, 0) DESC, destination
            """,
            static _ => { },
            static row => new DestinationStatus(
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
