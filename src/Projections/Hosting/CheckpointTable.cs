using System.Globalization;
using Matrix.EventSourced.EventStore;
using Npgsql;
using NpgsqlTypes;

namespace Matrix.EventSourced.Projections.Hosting;

/// <summary>The SQL of <c>projections.checkpoints</c> and <c>projections.log</c>.</summary>
internal static class CheckpointTable
{
    private const string Ddl = """
        CREATE SCHEMA IF NOT EXISTS projections;
        CREATE TABLE IF NOT EXISTS projections.checkpoints (
            schema text PRIMARY KEY,
            projection text NOT NULL,
            version integer NOT NULL,
            generation integer NOT NULL,
            position bigint NOT NULL,
            is_live boolean NOT NULL,
            ddl_hash text NOT NULL,
            witness_position bigint,
            witness_id uuid);
        ALTER TABLE projections.checkpoints ADD COLUMN IF NOT EXISTS is_rebuild boolean NOT NULL DEFAULT false;
        CREATE UNIQUE INDEX IF NOT EXISTS checkpoints_one_live ON projections.checkpoints (projection) WHERE is_live;
        CREATE TABLE IF NOT EXISTS projections.log (
            one boolean PRIMARY KEY DEFAULT true CHECK (one),
            first_position bigint NOT NULL,
            first_id uuid NOT NULL);
        """;

    /// <summary>Rows and checkpoint commit without waiting for the disk: the log is the truth, a lost commit is
    /// replayed.</summary>
    private const string RelaxCommit = "SET LOCAL synchronous_commit = off";

    private const string Advance = """
        UPDATE projections.checkpoints
        SET position = $1, witness_position = $2, witness_id = $3
        WHERE schema = $4 AND position = $5
        """;

    public static Task CreateAsync(NpgsqlConnection connection, CancellationToken cancellationToken) =>
        ExecuteAsync(connection, Ddl, cancellationToken);

    public static async Task ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken cancellationToken)
    {
        if (string.IsNullOrWhiteSpace(sql))
            return;
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>Moves the checkpoint from exactly <paramref name="from"/>; false when it is not there: somebody else
    /// writes.</summary>
    /// <remarks>It goes first in the transaction: a second writer waits at this row, and learns before it has written
    /// anything.</remarks>
    public static async Task<bool> AdvanceAsync(
        NpgsqlTransaction transaction,
        string schema,
        LogPosition from,
        LogPosition to,
        LogWitness? witness,
        CancellationToken cancellationToken)
    {
        await using var batch = new NpgsqlBatch(transaction.Connection, transaction);
        batch.BatchCommands.Add(new NpgsqlBatchCommand(RelaxCommit));
        var advance = new NpgsqlBatchCommand(Advance);
        advance.Parameters.Add(new NpgsqlParameter<long> { TypedValue = Stored(to) });
        advance.Parameters.Add(new NpgsqlParameter
        {
            NpgsqlDbType = NpgsqlDbType.Bigint,
            Value = witness is { } p ? Stored(p.Position) : DBNull.Value,
        });
        advance.Parameters.Add(new NpgsqlParameter
        {
            NpgsqlDbType = NpgsqlDbType.Uuid,
            Value = witness is { } i ? i.RecordId : DBNull.Value,
        });
        advance.Parameters.Add(new NpgsqlParameter<string> { TypedValue = schema });
        advance.Parameters.Add(new NpgsqlParameter<long> { TypedValue = Stored(from) });
        batch.BatchCommands.Add(advance);
        await batch.ExecuteNonQueryAsync(cancellationToken);
        return advance.RecordsAffected == 1;
    }

    public static async Task<IReadOnlyList<Checkpoint>> ReadAllAsync(
        NpgsqlConnection connection,
        CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(
            """
            SELECT schema, projection, version, generation, position, is_live, ddl_hash, is_rebuild,
                witness_position, witness_id
            FROM projections.checkpoints ORDER BY schema
            """, connection);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var all = new List<Checkpoint>();
        while (await reader.ReadAsync(cancellationToken))
        {
            all.Add(new Checkpoint(
                reader.GetString(0),
                reader.GetString(1),
                reader.GetInt32(2),
                reader.GetInt32(3),
                Position(reader.GetInt64(4)),
                reader.GetBoolean(5),
                reader.GetString(6),
                reader.GetBoolean(7),
                reader.IsDBNull(8) ? null : new LogWitness(Position(reader.GetInt64(8)), reader.GetGuid(9))));
        }
        return all;
    }

    /// <summary>The checkpoint of one version; null when its row is gone.</summary>
    public static async Task<LogPosition?> ReadAsync(
        NpgsqlConnection connection,
        string schema,
        CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(
            "SELECT position FROM projections.checkpoints WHERE schema = $1", connection);
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = schema });
        return await command.ExecuteScalarAsync(cancellationToken) is long position ? Position(position) : null;
    }

    public static async Task InsertAsync(
        NpgsqlTransaction transaction,
        Checkpoint checkpoint,
        CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(
            """
            INSERT INTO projections.checkpoints
                (schema, projection, version, generation, position, is_live, ddl_hash, is_rebuild)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
            """, transaction.Connection, transaction);
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = checkpoint.Schema });
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = checkpoint.Projection });
        command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = checkpoint.Version });
        command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = checkpoint.Generation });
        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = Stored(checkpoint.Position) });
        command.Parameters.Add(new NpgsqlParameter<bool> { TypedValue = checkpoint.IsLive });
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = checkpoint.DdlHash });
        command.Parameters.Add(new NpgsqlParameter<bool> { TypedValue = checkpoint.IsRebuild });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>From now on <paramref name="schema"/> serves, and the rows of all other versions of the projection are
    /// forgotten.</summary>
    public static async Task SwitchAsync(
        NpgsqlConnection connection,
        string projection,
        string schema,
        CancellationToken cancellationToken)
    {
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await using var batch = new NpgsqlBatch(connection, transaction);
        foreach (var sql in (ReadOnlySpan<string>)[
            "DELETE FROM projections.checkpoints WHERE projection = $1 AND schema <> $2",
            """
            UPDATE projections.checkpoints SET is_live = true, is_rebuild = false WHERE projection = $1 AND schema = $2
            """,
        ])
        {
            var command = new NpgsqlBatchCommand(sql);
            command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = projection });
            command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = schema });
            batch.BatchCommands.Add(command);
        }
        await batch.ExecuteNonQueryAsync(cancellationToken);
        if (batch.BatchCommands[1].RecordsAffected != 1)
            throw new ProjectionStoppedException(
                $"The checkpoint of {schema} is gone; another process rebuilt {projection}.");
        await transaction.CommitAsync(cancellationToken);
    }

    public static async Task<LogWitness?> ReadFirstRecordAsync(
        NpgsqlConnection connection,
        CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand("SELECT first_position, first_id FROM projections.log", connection);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        return await reader.ReadAsync(cancellationToken)
            ? new LogWitness(Position(reader.GetInt64(0)), reader.GetGuid(1))
            : null;
    }

    public static async Task WriteFirstRecordAsync(
        NpgsqlConnection connection,
        LogWitness first,
        CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(
            """
            INSERT INTO projections.log (first_position, first_id) VALUES ($1, $2)
            ON CONFLICT (one) DO UPDATE SET first_position = excluded.first_position, first_id = excluded.first_id
            """, connection);
        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = Stored(first.Position) });
        command.Parameters.Add(new NpgsqlParameter<Guid> { TypedValue = first.RecordId });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    // Positions are byte offsets or counters: both stay far below 2^63.
    private static long Stored(LogPosition position) => checked((long)position.Value);

    private static LogPosition Position(long stored) => new(checked((ulong)stored));

    /// <summary>A name in double quotes, ready to stand before a dot.</summary>
    public static string Quoted(string name) =>
        string.Create(CultureInfo.InvariantCulture, $"\"{name.Replace("\"", "\"\"", StringComparison.Ordinal)}\"");
}
