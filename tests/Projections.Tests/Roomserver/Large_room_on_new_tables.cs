using Matrix.EventSourced.Projections.Roomserver;
using Npgsql;

namespace Matrix.EventSourced.Projections.Tests.Roomserver;

/// <summary>Tables that were just made have no statistics, and PostgreSQL guesses. It found an open value of a state by
/// walking through all open values of its room: a replay of a room of 50,000 members ran at 900 facts a second.</summary>
[Collection(RoomserverDatabase.Collection)]
public sealed class Large_room_on_new_tables(RoomserverDatabase database)
{
    private const string Schema = "large_room";

    [Fact]
    public async Task finds_one_open_value_without_looking_at_the_others()
    {
        await using var connection = await database.Source.OpenConnectionAsync();
        await ExecuteAsync(connection, $"DROP SCHEMA IF EXISTS {Schema} CASCADE");
        await ExecuteAsync(connection, $"CREATE SCHEMA {Schema}");
        await ExecuteAsync(
            connection, RoomserverSchema.Ddl.Replace("{schema}", Schema, StringComparison.Ordinal));
        await ExecuteAsync(
            connection,
            $"""
            INSERT INTO {Schema}.state
            SELECT '!r', 'm.room.member', '@u' || n, '$e' || n, n, {RoomserverSchema.OpenEnd}, 1
            FROM generate_series(1, 2000) n
            """);

        var plan = await ExplainAsync(connection, new RoomserverSql(Schema).CloseState);

        Assert.DoesNotContain("Rows Removed by Filter", plan);
        await ExecuteAsync(connection, $"DROP SCHEMA {Schema} CASCADE");
    }

    private static async Task<string> ExplainAsync(NpgsqlConnection connection, string update)
    {
        await using var command = new NpgsqlCommand($"EXPLAIN (ANALYZE, TIMING OFF) {update}", connection);
        command.Parameters.AddWithValue(new[] { "!r" });
        command.Parameters.AddWithValue(new[] { "m.room.member" });
        command.Parameters.AddWithValue(new[] { "@u1000" });
        command.Parameters.AddWithValue(new[] { 3000L });
        var lines = new List<string>();
        await using var reader = await command.ExecuteReaderAsync();
        while (await reader.ReadAsync())
            lines.Add(reader.GetString(0));
        return string.Join('\n', lines);
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }
}
