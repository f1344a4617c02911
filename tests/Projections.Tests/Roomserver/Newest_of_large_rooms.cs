using Matrix.EventSourced.Projections.Roomserver;
using Npgsql;

namespace Matrix.EventSourced.Projections.Tests.Roomserver;

/// <summary>The newest PDUs of a room are read from the end of its index. PostgreSQL read all of each room and sorted it, since it
/// takes what is between two pairs for a ninth of all rows.</summary>
[Collection(RoomserverDatabase.Collection)]
public sealed class Newest_of_large_rooms(RoomserverDatabase database)
{
    private const string Schema = "newest";

    [Theory]
    [InlineData(100, 50)]
    [InlineData(3, 3000)]
    public async Task are_read_and_nothing_else(int rooms, int pdus)
    {
        await using var connection = await database.Source.OpenConnectionAsync();
        await ExecuteAsync(connection, $"DROP SCHEMA IF EXISTS {Schema} CASCADE");
        await ExecuteAsync(connection, $"CREATE SCHEMA {Schema}");
        await ExecuteAsync(
            connection, RoomserverSchema.Ddl.Replace("{schema}", Schema, StringComparison.Ordinal));
        await ExecuteAsync(
            connection,
            $"""
            INSERT INTO {Schema}.pdus (event_id, room_id, position, anchor, depth, origin_server_ts, disposition, has_url,
                room_version, type, sender, state_before, json)
            SELECT '$' || n, '!' || n % {rooms}, n, n, n, n, 0, false, '12', 'm.room.message', '@u:hs', '', repeat('x', 600)::bytea
            FROM generate_series(1, {rooms * pdus}) n
            """);
        await ExecuteAsync(connection, $"ANALYZE {Schema}.pdus");
        await ExecuteAsync(connection, "SET plan_cache_mode = force_generic_plan");
        await ExecuteAsync(connection, "SET enable_seqscan = off");

        var plan = await ExplainAsync(connection, new RoomReadSql(Schema).TimelineBackwards, rooms);

        Assert.Contains("Index Scan Backward using pdus_timeline", plan);
        Assert.DoesNotContain("Rows Removed", plan);
        await ExecuteAsync(connection, "RESET ALL");
        await ExecuteAsync(connection, $"DROP SCHEMA {Schema} CASCADE");
    }

    private static async Task<string> ExplainAsync(NpgsqlConnection connection, string sql, int rooms)
    {
        await ExecuteAsync(
            connection,
            $"PREPARE newest (text[], bigint[], bigint[], text[], text[], text[], text[], boolean, bigint[], bigint[], boolean, int) AS {sql}");
        string Of(Func<int, string> value, string type) =>
            $"ARRAY[{string.Join(',', Enumerable.Range(0, rooms).Select(value))}]::{type}[]";
        var (none, all) = (Of(_ => "0", "bigint"), Of(_ => "1000000", "bigint"));
        await using var command = new NpgsqlCommand(
            $"""
            EXPLAIN (ANALYZE, TIMING OFF) EXECUTE newest({Of(n => $"'!{n}'", "text")}, {none}, {none},
                NULL, NULL, NULL, NULL, NULL, {all}, {all}, false, 11)
            """,
            connection);
        var lines = new List<string>();
        await using (var reader = await command.ExecuteReaderAsync())
        {
            while (await reader.ReadAsync())
                lines.Add(reader.GetString(0));
        }
        await ExecuteAsync(connection, "DEALLOCATE newest");
        return string.Join('\n', lines);
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }
}
