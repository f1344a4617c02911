using System.Runtime.CompilerServices;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Protocol.Identifiers;
using Npgsql;

namespace Matrix.EventSourced.Projections.KeyServer.KeyBackup;

/// <summary>A backup. Shape: AuthData is JSON, as it was given; Etag is another whenever a key is.</summary>
public sealed record StoredBackup(
    long Version, string Algorithm, ReadOnlyMemory<byte> AuthData, long KeyCount, long Etag);

/// <summary>A key of a backup. Shape: SessionData is JSON, as it was given; empty where only the worth was asked
/// for.</summary>
public sealed record StoredBackupKey(
    string RoomId,
    string SessionId,
    bool IsVerified,
    long FirstMessageIndex,
    long ForwardedCount,
    ReadOnlyMemory<byte> SessionData);

/// <summary>Reads backups of keys.</summary>
/// <remarks>Requires: the caller went through the gate. Cost: one round trip each.</remarks>
public sealed class KeyBackupQueries(NpgsqlDataSource database, IProjectionSchemas schemas)
{
    private string Schema => schemas.Live(KeyBackupProjection.ProjectionName);

    /// <summary>A backup, or with version null the newest.</summary>
    public async ValueTask<StoredBackup?> FindAsync(
        UserId userId, long? version, CancellationToken cancellationToken)
    {
        StoredBackup? found = null;
        var batch = new QueryBatch(database);
        batch.Add(
            $"""
            SELECT version, algorithm, auth_data, key_count, etag FROM {Schema}.backups
            WHERE user_id = $1 {(version is null ? "" : "AND version = $2")} ORDER BY version DESC LIMIT 1
            """,
            parameters =>
            {
                parameters.AddText(userId.Value);
                if (version is { } wanted)
                    parameters.AddBigInt(wanted);
            },
            row => found = new(
                row.GetInt64(0),
                row.GetString(1),
                row.GetFieldValue<byte[]>(2),
                row.GetInt64(3),
                row.GetInt64(4)));
        await batch.ExecuteAsync(cancellationToken);
        return found;
    }

    /// <summary>The keys of a backup, of a room or of a session, ordered by room and session, as they are
    /// read.</summary>
    public async IAsyncEnumerable<StoredBackupKey> KeysAsync(
        UserId userId,
        long version,
        string? roomId,
        string? sessionId,
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand(
            $"""
            SELECT room_id, session_id, is_verified, first_message_index, forwarded_count, session_data
            FROM {Schema}.keys
            WHERE user_id = $1 AND version = $2
                {(roomId is null ? "" : "AND room_id = $3")} {(sessionId is null ? "" : "AND session_id = $4")}
            ORDER BY room_id, session_id
            """);
        command.Parameters.AddText(userId.Value);
        command.Parameters.AddBigInt(version);
        if (roomId is not null)
            command.Parameters.AddText(roomId);
        if (sessionId is not null)
            command.Parameters.AddText(sessionId);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
            yield return Read(reader, reader.GetFieldValue<byte[]>(5));
    }

    /// <summary>Those of the given keys that are there, without their data.</summary>
    public async ValueTask<IReadOnlyList<StoredBackupKey>> WorthOfAsync(
        UserId userId, long version, string[] roomIds, string[] sessionIds, CancellationToken cancellationToken)
    {
        var found = new List<StoredBackupKey>();
        var batch = new QueryBatch(database);
        batch.Add(
            $"""
            SELECT room_id, session_id, is_verified, first_message_index, forwarded_count
            FROM unnest($3, $4) AS o (room_id, session_id) JOIN {Schema}.keys k USING (room_id, session_id)
            WHERE k.user_id = $1 AND k.version = $2
            """,
            parameters =>
            {
                parameters.AddText(userId.Value);
                parameters.AddBigInt(version);
                parameters.AddTexts(roomIds);
                parameters.AddTexts(sessionIds);
            },
            row => found.Add(Read(row, default)));
        await batch.ExecuteAsync(cancellationToken);
        return found;
    }

    private static StoredBackupKey Read(NpgsqlDataReader row, ReadOnlyMemory<byte> data) => new(
        row.GetString(0), row.GetString(1), row.GetBoolean(2), row.GetInt64(3), row.GetInt64(4), data);
}
