using System.Text;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.Tests.Roomserver;
using Npgsql;

namespace Matrix.EventSourced.Projections.Tests.Hosting;

/// <summary>One projection in a schema of its own, fed in batches of a size.</summary>
internal static class FedProjection
{
    public static async Task FeedAsync(
        this IProjection projection, NpgsqlDataSource database, string schema, TestLog log, int batchSize = int.MaxValue)
    {
        await RunAsync(database, $"DROP SCHEMA IF EXISTS {schema} CASCADE; CREATE SCHEMA {schema}");
        await RunAsync(database, projection.Ddl.Replace("{schema}", schema, StringComparison.Ordinal));
        foreach (var facts in log.Records.Chunk(batchSize))
        {
            await using var connection = await database.OpenConnectionAsync();
            await using var transaction = await connection.BeginTransactionAsync();
            var batch = new ProjectionBatch(
                schema, connection, transaction, facts, facts[^1].Record.Position, IsRebuild: false);
            await projection.ApplyAsync(batch, default);
            await transaction.CommitAsync();
            projection.Committed(batch);
        }
    }

    /// <summary>The rows of a query over one schema as text, a line each.</summary>
    public static async Task<string> DumpAsync(NpgsqlDataSource database, params string[] queries)
    {
        var dump = new StringBuilder();
        foreach (var query in queries)
        {
            await using var command = database.CreateCommand($"SELECT t::text FROM ({query}) t");
            await using var reader = await command.ExecuteReaderAsync();
            while (await reader.ReadAsync())
                dump.Append(reader.GetString(0)).Append('\n');
        }
        return dump.ToString();
    }

    private static async Task RunAsync(NpgsqlDataSource database, string sql)
    {
        await using var command = database.CreateCommand(sql);
        await command.ExecuteNonQueryAsync();
    }
}
