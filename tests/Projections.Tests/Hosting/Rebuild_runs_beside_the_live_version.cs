using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.EventStore.InMemory;
using Matrix.EventSourced.Kit.Postgres;
using Matrix.EventSourced.Projections.Hosting;

namespace Matrix.EventSourced.Projections.Tests.Hosting;

public sealed class Rebuild_runs_beside_the_live_version : IAsyncLifetime
{
    private static readonly string[] Aliases = ["aliases"];

    private readonly InMemoryEventStore _log = LogWriting.NewLog();
    private TestDatabase _database = null!;

    public async Task InitializeAsync() => _database = await PostgresKit.CreateDatabaseAsync();

    public async Task DisposeAsync() => await _database.DisposeAsync();

    [Fact]
    public async Task and_switches_over_without_losing_or_doubling_an_announcement()
    {
        await _log.AppendMixAsync(0, 60);
        var projection = new AliasTableProjection();
        await using var run = await new HostedRun(_log, _database.ConnectionString, [projection]).StartAsync();
        await _database.ExecuteAsync("UPDATE aliases_v1.aliases SET room = 'damaged'");

        // Facts keep coming while it is built: one is appended in each batch of the new generation.
        var appended = new List<LogPosition>();
        projection.BeforeApply = async batch =>
        {
            if (batch.Schema == "aliases_v1_g1" && appended.Count < 20)
                appended.Add(await _log.AppendAliasAsync(appended.Count));
        };
        await run.Host.RebuildAsync("aliases", CancellationToken.None);
        appended.Add(await _log.AppendAliasAsync(7));
        await run.Gate.WaitForHeadAsync(Aliases, CancellationToken.None);
        while (projection.CommittedPositions[^1] < await _log.ReadHeadAsync())
            await run.Gate.WaitForHeadAsync(Aliases, CancellationToken.None);

        Assert.Equal("aliases_v1_g1", run.Registry.Live("aliases"));
        Assert.Equal(appended, projection.CommittedPositions);
        Assert.Equal(
            0,
            await _database.ScalarAsync<long>("SELECT count(*) FROM aliases_v1_g1.aliases WHERE room = 'damaged'"));
        Assert.Equal(
            40 + appended.Count,
            await _database.ScalarAsync<long>("SELECT count(*) FROM aliases_v1_g1.journal"));
        Assert.Equal(
            "aliases_v1_g1",
            await _database.ScalarAsync<string>("SELECT schema FROM projections.checkpoints"));
    }

    [Fact]
    public async Task and_leaves_the_live_version_alone_when_it_fails()
    {
        await _log.AppendMixAsync(0, 30);
        var projection = new AliasTableProjection();
        await using var run = await new HostedRun(_log, _database.ConnectionString, [projection]).StartAsync();
        projection.BeforeApply = batch => batch.Schema == "aliases_v1"
            ? Task.CompletedTask
            : throw new InvalidOperationException("a bug");

        await Assert.ThrowsAsync<ProjectionStoppedException>(
            () => run.Host.RebuildAsync("aliases", CancellationToken.None));

        var position = await _log.AppendAliasAsync(1);
        Assert.Equal(position, await run.Gate.WaitForHeadAsync(Aliases, CancellationToken.None));
        Assert.True(run.Health.IsHealthy);
        Assert.Equal(
            0,
            await _database.ScalarAsync<long>("SELECT count(*) FROM pg_namespace WHERE nspname = 'aliases_v1_g1'"));
    }

    [Fact]
    public async Task cures_a_projection_that_had_stopped()
    {
        var projection = new AliasTableProjection();
        await using var run = await new HostedRun(_log, _database.ConnectionString, [projection]).StartAsync();
        projection.BeforeApply = _ => throw new InvalidOperationException("a bug");
        var position = await _log.AppendAliasAsync(1);
        await run.Gate.WaitForHeadAsync(Aliases, CancellationToken.None);
        Assert.False(run.Health.IsHealthy);
        projection.BeforeApply = null;

        await run.Host.RebuildAsync("aliases", CancellationToken.None);

        Assert.True(run.Health.IsHealthy);
        Assert.Equal(position, await run.Gate.WaitForHeadAsync(Aliases, CancellationToken.None));
    }

    [Fact]
    public async Task new_version_is_built_at_start_and_replaces_the_old()
    {
        await _log.AppendMixAsync(0, 30);
        await using (await new HostedRun(_log, _database.ConnectionString, [new AliasTableProjection()]).StartAsync())
        {
        }
        var newer = new AliasTableProjection { Version = 2 };

        await using var run = await new HostedRun(_log, _database.ConnectionString, [newer]).StartAsync();

        Assert.Equal("aliases_v2", run.Registry.Live("aliases"));
        Assert.Equal(20, await _database.ScalarAsync<long>("SELECT count(*) FROM aliases_v2.journal"));
        Assert.Equal(
            0,
            await _database.ScalarAsync<long>("SELECT count(*) FROM pg_namespace WHERE nspname = 'aliases_v1'"));
    }

    [Fact]
    public async Task other_tables_with_the_same_version_are_built_anew()
    {
        await _log.AppendMixAsync(0, 30);
        await using (await new HostedRun(_log, _database.ConnectionString, [new AliasTableProjection()]).StartAsync())
        {
        }

        await using var run =
            await new HostedRun(_log, _database.ConnectionString, [new WiderProjection()]).StartAsync();

        Assert.Equal("aliases_v1_g1", run.Registry.Live("aliases"));
        Assert.Equal(
            20,
            await _database.ScalarAsync<long>("SELECT count(*) FROM aliases_v1_g1.journal WHERE extra IS NULL"));
    }

    [Fact]
    public async Task build_that_was_interrupted_goes_on_where_it_was()
    {
        await _log.AppendMixAsync(0, 90);
        using var interrupt = new CancellationTokenSource();
        var first = new AliasTableProjection
        {
            AfterApply = batch => batch.UpTo >= new LogPosition(40) ? interrupt.CancelAsync() : Task.CompletedTask,
        };
        var options = new ProjectionOptions { CatchUpBatchMax = 10 };
        await using (var run = new HostedRun(_log, _database.ConnectionString, [first], options))
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => run.Host.StartAsync(interrupt.Token));
        var second = new AliasTableProjection();

        await using var again = await new HostedRun(_log, _database.ConnectionString, [second], options).StartAsync();

        Assert.Equal(60, await _database.ScalarAsync<long>("SELECT count(*) FROM aliases_v1.journal"));
        Assert.True(second.BatchSizes.Sum() is > 0 and < 60);
    }

    [Theory]
    [InlineData("aliases")]
    [InlineData("all")]
    public async Task command_rebuilds_while_the_server_is_stopped(string which)
    {
        await _log.AppendMixAsync(0, 30);
        await using (await new HostedRun(_log, _database.ConnectionString, [new AliasTableProjection()]).StartAsync())
            await _database.ExecuteAsync("UPDATE aliases_v1.aliases SET room = 'damaged'");
        await using (var command = new HostedRun(_log, _database.ConnectionString, [new AliasTableProjection()]))
            await command.Host.RebuildStoppedAsync(which, CancellationToken.None);

        await using var run =
            await new HostedRun(_log, _database.ConnectionString, [new AliasTableProjection()]).StartAsync();

        Assert.Equal("aliases_v1_g1", run.Registry.Live("aliases"));
        Assert.Equal(
            0,
            await _database.ScalarAsync<long>("SELECT count(*) FROM aliases_v1_g1.aliases WHERE room = 'damaged'"));
    }

    private sealed class WiderProjection : AliasTableProjection
    {
        public override string Ddl => base.Ddl + "ALTER TABLE {schema}.journal ADD COLUMN extra text;";
    }
}
