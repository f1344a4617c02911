using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.EventStore.InMemory;
using Matrix.EventSourced.Kit.Postgres;
using Matrix.EventSourced.Projections.Hosting;

namespace Matrix.EventSourced.Projections.Tests.Hosting;

public sealed class Projection_host_follows_the_log : IAsyncLifetime
{
    private readonly InMemoryEventStore _log = LogWriting.NewLog();
    private TestDatabase _database = null!;

    public async Task InitializeAsync() => _database = await PostgresKit.CreateDatabaseAsync();

    public async Task DisposeAsync() => await _database.DisposeAsync();

    [Fact]
    public async Task start_returns_when_everything_is_applied()
    {
        await _log.AppendMixAsync(0, 300);
        var projection = new AliasTableProjection();

        await using var run = await new HostedRun(_log, _database.ConnectionString, [projection]).StartAsync();

        Assert.True(run.Health.IsHealthy);
        Assert.Equal("aliases_v1", run.Registry.Live("aliases"));
        Assert.Equal(200, await _database.ScalarAsync<long>("SELECT count(*) FROM aliases_v1.journal"));
        Assert.Equal(("aliases_v1", new LogPosition(300)), Assert.Single(projection.LiveSince));
        Assert.Empty(projection.CommittedPositions);
    }

    [Fact]
    public async Task gate_waits_for_what_was_appended_before()
    {
        var projection = new AliasTableProjection();
        await using var run = await new HostedRun(_log, _database.ConnectionString, [projection]).StartAsync();

        for (var i = 0; i < 50; i++)
        {
            var position = await _log.AppendAliasAsync(i);
            var reached = await run.Gate.WaitForHeadAsync(new[] { "aliases" }, CancellationToken.None);

            Assert.True(reached >= position);
            Assert.Equal(i + 1L, await _database.ScalarAsync<long>("SELECT count(*) FROM aliases_v1.journal"));
            Assert.Equal(position, projection.CommittedPositions[^1]);
        }
        Assert.Equal(0, run.Gate.Timeouts);
    }

    [Fact]
    public async Task fact_of_others_moves_the_position_without_a_transaction()
    {
        await using var run =
            await new HostedRun(_log, _database.ConnectionString, [new AliasTableProjection()]).StartAsync();

        var position = await _log.AppendUnhandledAsync(1);
        var reached = await run.Gate.WaitForHeadAsync(new[] { "aliases" }, CancellationToken.None);

        Assert.Equal(position, reached);
        Assert.Equal(0, await _database.ScalarAsync<long>("SELECT position FROM projections.checkpoints"));
        await run.Host.StopAsync(CancellationToken.None);
        Assert.Equal(1, await _database.ScalarAsync<long>("SELECT position FROM projections.checkpoints"));
    }

    [Fact]
    public async Task goes_on_from_its_checkpoint_after_a_restart()
    {
        await _log.AppendMixAsync(0, 30);
        await using (await new HostedRun(_log, _database.ConnectionString, [new AliasTableProjection()]).StartAsync())
        {
        }
        await _log.AppendMixAsync(30, 30);
        var projection = new AliasTableProjection();

        await using var run = await new HostedRun(_log, _database.ConnectionString, [projection]).StartAsync();

        Assert.Equal(20, projection.BatchSizes.Sum());
        Assert.Equal(40, await _database.ScalarAsync<long>("SELECT count(*) FROM aliases_v1.journal"));
        Assert.Equal(new LogPosition(30), Assert.Single(projection.LiveSince).UpTo);
        Assert.Equal(20, projection.CommittedPositions.Count);
    }

    [Fact]
    public async Task fixed_schema_is_made_before_projections_and_kept()
    {
        var fixedSchema = new NodesSchema();
        await using (await new HostedRun(_log, _database.ConnectionString, [], null, [fixedSchema]).StartAsync())
            await _database.ExecuteAsync("INSERT INTO nodes.bytes VALUES (1)");

        await using var run =
            await new HostedRun(_log, _database.ConnectionString, [], null, [fixedSchema]).StartAsync();

        Assert.Equal(1, await _database.ScalarAsync<long>("SELECT count(*) FROM nodes.bytes"));
    }

    [Fact]
    public async Task database_that_was_dropped_is_made_again()
    {
        await _log.AppendMixAsync(0, 100);
        string before;
        await using (await new HostedRun(_log, _database.ConnectionString, [new AliasTableProjection()]).StartAsync())
            before = await DumpAsync(_database);
        await using var empty = await PostgresKit.CreateDatabaseAsync();

        await using var run =
            await new HostedRun(_log, empty.ConnectionString, [new AliasTableProjection()]).StartAsync();

        Assert.Equal(before, await DumpAsync(empty));
    }

    [Fact]
    public async Task database_of_another_log_is_dropped_and_replayed()
    {
        await _log.AppendMixAsync(0, 30);
        await using (await new HostedRun(_log, _database.ConnectionString, [new AliasTableProjection()]).StartAsync())
        {
        }
        var other = LogWriting.NewLog();
        await other.AppendMixAsync(5, 60);

        await using var run =
            await new HostedRun(other, _database.ConnectionString, [new AliasTableProjection()]).StartAsync();

        Assert.Equal(40, await _database.ScalarAsync<long>("SELECT count(*) FROM aliases_v1.journal"));
    }

    [Fact]
    public async Task database_ahead_of_an_emptied_log_is_dropped()
    {
        await _log.AppendMixAsync(0, 30);
        await using (await new HostedRun(_log, _database.ConnectionString, [new AliasTableProjection()]).StartAsync())
        {
        }
        var emptied = LogWriting.NewLog();

        await using var run =
            await new HostedRun(emptied, _database.ConnectionString, [new AliasTableProjection()]).StartAsync();

        Assert.Equal(0, await _database.ScalarAsync<long>("SELECT count(*) FROM aliases_v1.journal"));
        var position = await emptied.AppendAliasAsync(1);
        Assert.Equal(position, await run.Gate.WaitForHeadAsync(new[] { "aliases" }, CancellationToken.None));
    }

    private static async Task<string> DumpAsync(TestDatabase database) =>
        await database.DumpAsync(AliasTableProjection.Dump("aliases_v1"));

    private sealed class NodesSchema : IFixedSchema
    {
        public string Ddl => "CREATE SCHEMA IF NOT EXISTS nodes; CREATE TABLE IF NOT EXISTS nodes.bytes (n integer)";
    }
}
