using Matrix.EventSourced.Kit.Postgres;
using Matrix.EventSourced.Projections.Postgres;
using Npgsql;

namespace Matrix.EventSourced.Projections.Tests.Postgres;

public sealed class Database_connections : IAsyncLifetime
{
    private TestDatabase _database = null!;

    public async Task InitializeAsync() => _database = await PostgresKit.CreateDatabaseAsync();

    public async Task DisposeAsync() => await _database.DisposeAsync();

    /// <summary>Such a plan was kept while the table grew to tens of thousands of rows.</summary>
    [Fact]
    public async Task never_plan_to_read_a_small_table_whole()
    {
        await _database.ExecuteAsync("CREATE TABLE small (id text PRIMARY KEY); INSERT INTO small VALUES ('a'); ANALYZE small");
        await using var source = DatabaseSource.Create(_database.ConnectionString);

        var plan = await AskAsync(source, "EXPLAIN SELECT id FROM small WHERE id = ANY (ARRAY['a', 'b'])");

        Assert.DoesNotContain("Seq Scan", plan);
        Assert.Equal("off", await AskAsync(source, "SHOW jit"));
    }

    [Fact]
    public async Task keep_the_operators_own_settings()
    {
        await using var source = DatabaseSource.Create(
            _database.ConnectionString + ";Options=-c work_mem=7MB -c enable_seqscan=on");

        Assert.Equal("7MB", await AskAsync(source, "SHOW work_mem"));
        Assert.Equal("on", await AskAsync(source, "SHOW enable_seqscan"));
    }

    private static async Task<string> AskAsync(NpgsqlDataSource source, string question)
    {
        await using var command = source.CreateCommand(question);
        return (string)(await command.ExecuteScalarAsync())!;
    }
}
