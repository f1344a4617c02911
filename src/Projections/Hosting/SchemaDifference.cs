using System.Globalization;
using System.Runtime.CompilerServices;
using Npgsql;

namespace Matrix.EventSourced.Projections.Hosting;

/// <summary>A row that is in one set of tables and not in the other.</summary>
/// <remarks>Shape: Row is the row as JSON, without what documents say about their own writing.</remarks>
public sealed record RowDifference(string Table, bool IsInLive, string Row);

/// <summary>Compares two schemas that should hold the same rows.</summary>
internal static class SchemaDifference
{
    /// <summary>What Marten writes about the writing of a document: it differs between two replays of one
    /// log.</summary>
    private const string OwnColumns = "'{mt_last_modified,mt_version,mt_dotnet_type,mt_deleted_at}'::text[]";

    public static async Task<IReadOnlyList<string>> TablesAsync(
        NpgsqlConnection connection, string schema, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(
            "SELECT tablename::text FROM pg_tables WHERE schemaname = $1 ORDER BY tablename", connection);
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = schema });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var tables = new List<string>();
        while (await reader.ReadAsync(cancellationToken))
            tables.Add(reader.GetString(0));
        return tables;
    }

    public static async IAsyncEnumerable<RowDifference> FindAsync(
        NpgsqlConnection connection,
        string table,
        string live,
        string replayed,
        int differencesMax,
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        foreach (var isInLive in (bool[])[true, false])
        {
            var (these, those) = isInLive ? (live, replayed) : (replayed, live);
            await using var command = new NpgsqlCommand(
                string.Create(CultureInfo.InvariantCulture, $"""
                    SELECT row::text FROM (
                        SELECT to_jsonb(t) - {OwnColumns} AS row FROM {Name(these, table)} t
                        EXCEPT ALL
                        SELECT to_jsonb(t) - {OwnColumns} AS row FROM {Name(those, table)} t) difference
                    ORDER BY 1 LIMIT {differencesMax}
                    """),
                connection) { CommandTimeout = 0 };
            await using var reader = await command.ExecuteReaderAsync(cancellationToken);
            while (await reader.ReadAsync(cancellationToken))
                yield return new(table, isInLive, reader.GetString(0));
        }
    }

    private static string Name(string schema, string table) =>
        $"{CheckpointTable.Quoted(schema)}.{CheckpointTable.Quoted(table)}";
}
