using System.Collections.Frozen;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.KeyServer.KeyBackup;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.Roomserver;
using Npgsql;

namespace Matrix.EventSourced.Projections.KeyServer.KeyBackup;

/// <summary>Backups of keys: which there are, what is in them, and how many keys that is.</summary>
/// <remarks>
/// A fact is one statement, whatever the number of its keys: a row for each key, and the backup's count and etag with
/// them. The etag is the position of the last fact that changed a key.
/// </remarks>
public sealed class KeyBackupProjection : IProjection
{
    public const string ProjectionName = "keybackup";

    /// <summary>What reads of this component wait for.</summary>
    public static readonly ReadOnlyMemory<string> Gate = new[] { ProjectionName };

    public string Name => ProjectionName;

    public int Version => 1;

    public FrozenSet<string> Handles { get; } = FrozenSet.Create(
        StringComparer.Ordinal,
        FactNames.KeyBackupCreated,
        FactNames.KeyBackupChanged,
        FactNames.KeyBackupDeleted,
        FactNames.BackupKeysStored,
        FactNames.BackupKeysDeleted);

    public string Ddl => """
        CREATE TABLE {schema}.backups (
            user_id text COLLATE "C" NOT NULL,
            version bigint NOT NULL,
            algorithm text COLLATE "C" NOT NULL,
            auth_data bytea NOT NULL,
            key_count bigint NOT NULL,
            etag bigint NOT NULL,
            PRIMARY KEY (user_id, version));
        CREATE TABLE {schema}.keys (
            user_id text COLLATE "C" NOT NULL,
            version bigint NOT NULL,
            room_id text COLLATE "C" NOT NULL,
            session_id text COLLATE "C" NOT NULL,
            is_verified boolean NOT NULL,
            first_message_index bigint NOT NULL,
            forwarded_count bigint NOT NULL,
            session_data bytea NOT NULL,
            PRIMARY KEY (user_id, version, room_id, session_id));
        """;

    public async ValueTask ApplyAsync(ProjectionBatch batch, CancellationToken cancellationToken)
    {
        if (batch.Facts.Count == 0)
            return;
        await using var commands = new NpgsqlBatch(batch.Connection, batch.Transaction);
        foreach (var record in batch.Facts)
            Add(commands, batch.Schema, record.Fact, (long)record.Record.Position.Value);
        await commands.ExecuteNonQueryAsync(cancellationToken);
    }

    public void Committed(ProjectionBatch batch)
    {
    }

    private static void Add(NpgsqlBatch commands, string schema, IFact fact, long position)
    {
        switch (fact)
        {
            case KeyBackupCreated created:
                var insert = commands.Add(
                    $"INSERT INTO {schema}.backups VALUES ($1, $2, $3, $4, 0, $5) ON CONFLICT DO NOTHING");
                AddBackup(insert, created.UserId.Value, created.Version);
                insert.AddText(created.Algorithm);
                insert.Add(new NpgsqlParameter<byte[]> { TypedValue = created.AuthData.Utf8.ToArray() });
                insert.AddBigInt(position);
                break;
            case KeyBackupChanged changed:
                var update = commands.Add(
                    $"UPDATE {schema}.backups SET auth_data = $3 WHERE user_id = $1 AND version = $2");
                AddBackup(update, changed.UserId.Value, changed.Version);
                update.Add(new NpgsqlParameter<byte[]> { TypedValue = changed.AuthData.Utf8.ToArray() });
                break;
            case KeyBackupDeleted deleted:
                foreach (var table in (ReadOnlySpan<string>)["backups", "keys"])
                {
                    AddBackup(
                        commands.Add($"DELETE FROM {schema}.{table} WHERE user_id = $1 AND version = $2"),
                        deleted.UserId.Value,
                        deleted.Version);
                }
                break;
            case BackupKeysStored stored:
                AddKeys(commands, schema, stored, position);
                break;
            case BackupKeysDeleted gone:
                AddDeletion(commands, schema, gone, position);
                break;
        }
    }

    /// <remarks>The statement sees the keys as they were before it, so a key that was stored and is not among them is
    /// new. The comparison of rows is the spec's order: verified, lower index, lower count.</remarks>
    private static void AddKeys(NpgsqlBatch commands, string schema, BackupKeysStored fact, long position)
    {
        var parameters = commands.Add(
            $"""
            WITH stored AS (
                INSERT INTO {schema}.keys AS k
                SELECT $1, $2, o.* FROM unnest($4, $5, $6, $7, $8, $9) AS o
                WHERE EXISTS (SELECT 1 FROM {schema}.backups WHERE user_id = $1 AND version = $2)
                ON CONFLICT (user_id, version, room_id, session_id) DO UPDATE SET
                    is_verified = excluded.is_verified,
                    first_message_index = excluded.first_message_index,
                    forwarded_count = excluded.forwarded_count,
                    session_data = excluded.session_data
                WHERE (excluded.is_verified, k.first_message_index, k.forwarded_count)
                    > (k.is_verified, excluded.first_message_index, excluded.forwarded_count)
                RETURNING k.room_id, k.session_id)
            UPDATE {schema}.backups SET
                etag = $3,
                key_count = key_count + (
                    SELECT count(*) FROM stored s WHERE NOT EXISTS (
                        SELECT 1 FROM {schema}.keys known
                        WHERE known.user_id = $1 AND known.version = $2
                            AND known.room_id = s.room_id AND known.session_id = s.session_id))
            WHERE user_id = $1 AND version = $2 AND EXISTS (SELECT 1 FROM stored)
            """);
        AddBackup(parameters, fact.UserId.Value, fact.Version);
        parameters.AddBigInt(position);
        parameters.AddTexts([.. fact.Keys.Select(key => key.RoomId)]);
        parameters.AddTexts([.. fact.Keys.Select(key => key.SessionId)]);
        parameters.AddBooleans([.. fact.Keys.Select(key => key.IsVerified)]);
        parameters.AddBigInts([.. fact.Keys.Select(key => key.FirstMessageIndex)]);
        parameters.AddBigInts([.. fact.Keys.Select(key => key.ForwardedCount)]);
        parameters.AddBytes([.. fact.Keys.Select(key => key.SessionData.Utf8.ToArray())]);
    }

    private static void AddDeletion(NpgsqlBatch commands, string schema, BackupKeysDeleted fact, long position)
    {
        var parameters = commands.Add(
            $"""
            WITH gone AS (
                DELETE FROM {schema}.keys
                WHERE user_id = $1 AND version = $2 AND ($4 IS NULL OR room_id = $4) AND ($5 IS NULL OR session_id = $5)
                RETURNING 1)
            UPDATE {schema}.backups SET etag = $3, key_count = key_count - (SELECT count(*) FROM gone)
            WHERE user_id = $1 AND version = $2 AND EXISTS (SELECT 1 FROM gone)
            """);
        AddBackup(parameters, fact.UserId.Value, fact.Version);
        parameters.AddBigInt(position);
        parameters.AddText(fact.RoomId);
        parameters.AddText(fact.SessionId);
    }

    private static void AddBackup(NpgsqlParameterCollection parameters, string userId, long version)
    {
        parameters.AddText(userId);
        parameters.AddBigInt(version);
    }
}
