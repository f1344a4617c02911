using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.EventStore.InMemory;
using Matrix.EventSourced.Kit.Postgres;
using Matrix.EventSourced.Projections.Hosting;
using Npgsql;

namespace Matrix.EventSourced.Projections.Tests.Hosting;

public sealed class Replay_gives_the_same_rows : IAsyncLifetime
{
    private readonly InMemoryEventStore _log = LogWriting.NewLog();
    private TestDatabase _database = null!;

    public async Task InitializeAsync()
    {
        _database = await PostgresKit.CreateDatabaseAsync();
        await _log.AppendMixAsync(0, 90);
    }

    public async Task DisposeAsync() => await _database.DisposeAsync();

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(1000)]
    public async Task for_any_size_of_batch(int size)
    {
        var expected = await ExpectedAsync();
        await using var database = await PostgresKit.CreateDatabaseAsync();
        var projection = new AliasTableProjection();
        var options = new ProjectionOptions { CatchUpBatchMax = size, LiveBatchMax = size };

        await using var run = await new HostedRun(_log, database.ConnectionString, [projection], options).StartAsync();

        Assert.Equal(expected, await DumpAsync(database));
        Assert.True(projection.BatchSizes.Max() <= size);
    }

    [Fact]
    public async Task for_every_batch_that_a_crash_rolls_back()
    {
        var expected = await ExpectedAsync();
        for (var crashAt = 0; crashAt < 9; crashAt++)
        {
            await using var database = await PostgresKit.CreateDatabaseAsync();
            var batchCount = 0;
            var crashing = new AliasTableProjection
            {
                AfterApply = _ => batchCount++ == crashAt
                    ? throw new InvalidOperationException("crash between rows and commit")
                    : Task.CompletedTask,
            };
            var options = new ProjectionOptions { CatchUpBatchMax = 7 };
            await using (await new HostedRun(_log, database.ConnectionString, [crashing], options).StartAsync())
            {
            }

            await using var run = await new HostedRun(
                _log, database.ConnectionString, [new AliasTableProjection()], options).StartAsync();

            Assert.True(run.Health.IsHealthy, $"crash at batch {crashAt}");
            Assert.Equal(expected, await DumpAsync(database));
        }
    }

    [Fact]
    public async Task when_connections_are_cut_at_any_batch()
    {
        var expected = await ExpectedAsync();
        await using var database = await PostgresKit.CreateDatabaseAsync();
        var batchCount = 0;
        var projection = new AliasTableProjection
        {
            // Every third batch loses its connection before it commits.
            AfterApply = batch => batchCount++ % 3 == 1 ? CutAsync(database, batch.Connection) : Task.CompletedTask,
        };
        var options = new ProjectionOptions { CatchUpBatchMax = 5, RetryFirst = TimeSpan.FromMilliseconds(1) };

        await using var run = await new HostedRun(_log, database.ConnectionString, [projection], options).StartAsync();

        Assert.True(run.Health.IsHealthy);
        Assert.Equal(expected, await DumpAsync(database));
    }

    [Fact]
    public async Task and_each_fact_is_announced_once_though_connections_are_cut_live()
    {
        var batchCount = 0;
        var projection = new AliasTableProjection
        {
            AfterApply = batch => batchCount++ % 4 == 2 ? CutAsync(_database, batch.Connection) : Task.CompletedTask,
        };
        var options = new ProjectionOptions
        {
            RetryFirst = TimeSpan.FromMilliseconds(1),
            RetryMax = TimeSpan.FromMilliseconds(5),
        };
        await using var run = await new HostedRun(_log, _database.ConnectionString, [projection], options).StartAsync();

        var appended = new List<LogPosition>();
        for (var i = 0; i < 40; i++)
        {
            appended.Add(await _log.AppendAliasAsync(i));
            await run.Gate.WaitForHeadAsync(new[] { "aliases" }, CancellationToken.None);
        }

        Assert.Equal(appended, projection.CommittedPositions);
        Assert.Equal(100, await _database.ScalarAsync<long>("SELECT count(*) FROM aliases_v1.journal"));
    }

    [Fact]
    public async Task when_postgres_lost_its_last_commits()
    {
        var projection = new AliasTableProjection();
        var options = new ProjectionOptions { RetryFirst = TimeSpan.FromMilliseconds(1) };
        await using var run = await new HostedRun(_log, _database.ConnectionString, [projection], options).StartAsync();
        await _log.AppendAliasAsync(1);
        var before = await _log.AppendAliasAsync(2);
        await run.Gate.WaitForHeadAsync(new[] { "aliases" }, CancellationToken.None);

        // What a crash with synchronous_commit=off leaves: rows and checkpoint of an earlier moment, and no connection.
        await _database.ExecuteAsync($"""
            DELETE FROM aliases_v1.journal WHERE position = {before.Value};
            UPDATE projections.checkpoints SET position = {before.Value - 1};
            SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid()
            """);
        var after = await _log.AppendAliasAsync(3);
        var reached = await run.Gate.WaitForAsync(new[] { "aliases" }, after, CancellationToken.None);

        Assert.Equal(after, reached);
        Assert.Equal(63, await _database.ScalarAsync<long>("SELECT count(*) FROM aliases_v1.journal"));
        Assert.Equal(3, projection.CommittedPositions.Count);
        Assert.True(run.Health.IsHealthy);
    }

    private async Task<string> ExpectedAsync()
    {
        await using var database = await PostgresKit.CreateDatabaseAsync();
        await using var run = await new HostedRun(
            _log, database.ConnectionString, [new AliasTableProjection()]).StartAsync();
        return await DumpAsync(database);
    }

    private static async Task<string> DumpAsync(TestDatabase database) =>
        await database.DumpAsync(AliasTableProjection.Dump("aliases_v1"))
        + await database.DumpAsync("SELECT position, alias FROM aliases_v1.journal ORDER BY position");

    private static async Task CutAsync(TestDatabase database, NpgsqlConnection connection) =>
        await database.ExecuteAsync($"SELECT pg_terminate_backend({connection.ProcessID})");
}
