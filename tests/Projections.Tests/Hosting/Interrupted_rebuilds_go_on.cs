using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.EventStore.InMemory;
using Matrix.EventSourced.Kit.Postgres;
using Matrix.EventSourced.Projections.Hosting;

namespace Matrix.EventSourced.Projections.Tests.Hosting;

/// <summary>A rebuild that was asked for survives the process: a start, or the same command again, goes on with it.</summary>
public sealed class Interrupted_rebuilds_go_on : IAsyncLifetime
{
    private static readonly ProjectionOptions SmallBatches =
        new() { CatchUpBatchMax = 10, OldSchemaGrace = TimeSpan.Zero };

    private readonly InMemoryEventStore _log = LogWriting.NewLog();
    private TestDatabase _database = null!;

    public async Task InitializeAsync()
    {
        _database = await PostgresKit.CreateDatabaseAsync();
        await _log.AppendMixAsync(0, 90);
    }

    public async Task DisposeAsync() => await _database.DisposeAsync();

    [Fact]
    public async Task at_the_next_start_while_the_old_tables_serve()
    {
        await InterruptAsync(run => run.StartAsync(), (run, stop) => run.Host.RebuildAsync("aliases", stop));
        var built = new TaskCompletionSource();
        var servedMeanwhile = "";
        HostedRun? run = null;
        var projection = new AliasTableProjection();
        projection.BeforeApply = async batch =>
        {
            if (batch.Schema != "aliases_v1_g1")
                return;
            // The build waits for the start, as a long one would still be at work then.
            await built.Task;
            servedMeanwhile = run!.Registry.Live("aliases");
        };
        run = new HostedRun(_log, _database.ConnectionString, [projection], SmallBatches);
        await using (run)
        {
            await run.StartAsync();
            built.SetResult();
            while (run.Registry.Live("aliases") != "aliases_v1_g1")
                await Task.Yield();
        }

        Assert.Equal("aliases_v1", servedMeanwhile);
        await AssertBuiltAsync("aliases_v1_g1", projection);
    }

    [Fact]
    public async Task with_the_same_command_on_a_stopped_server()
    {
        await InterruptAsync(run => run.StartAsync(), (run, stop) => run.Host.RebuildAsync("aliases", stop));
        var projection = new AliasTableProjection();
        await using (var command = new HostedRun(_log, _database.ConnectionString, [projection], SmallBatches))
            await command.Host.RebuildStoppedAsync("aliases", CancellationToken.None);

        await AssertBuiltAsync("aliases_v1_g1", projection);
    }

    [Fact]
    public async Task of_all_with_those_that_were_not_complete()
    {
        await using (await new HostedRun(
            _log, _database.ConnectionString, [new AliasTableProjection(), new Second()], SmallBatches).StartAsync())
        {
        }
        using var interrupt = new CancellationTokenSource();
        var second = new Second
        {
            AfterApply = async batch =>
            {
                if (batch.UpTo < new LogPosition(40))
                    return;
                // Both are under way at once: the first is complete before the second is interrupted.
                while (await _database.ScalarAsync<long>(
                    "SELECT count(*) FROM projections.checkpoints WHERE is_live AND schema = 'aliases_v1_g1'") == 0)
                    await Task.Yield();
                await interrupt.CancelAsync();
            },
        };
        await using (var command = new HostedRun(
            _log, _database.ConnectionString, [new AliasTableProjection(), second], SmallBatches))
        {
            await Assert.ThrowsAnyAsync<OperationCanceledException>(
                () => command.Host.RebuildStoppedAsync("all", interrupt.Token));
        }
        var first = new AliasTableProjection();
        await using (var command = new HostedRun(
            _log, _database.ConnectionString, [first, new Second()], SmallBatches))
            await command.Host.RebuildStoppedAsync("all", CancellationToken.None);

        Assert.Empty(first.BatchSizes);
        Assert.Equal(
            "aliases_v1_g1 true,second_v1_g1 true",
            await _database.ScalarAsync<string>(
                "SELECT string_agg(schema || ' ' || is_live, ',' ORDER BY schema) FROM projections.checkpoints"));
    }

    [Fact]
    public async Task of_a_newer_version_while_the_older_one_serves_and_follows()
    {
        await using (await new HostedRun(
            _log, _database.ConnectionString, [new AliasTableProjection()], SmallBatches).StartAsync())
        {
        }
        var built = new TaskCompletionSource();
        var newer = new Newer { BeforeApply = batch => batch.Schema == "aliases_v2" ? built.Task : Task.CompletedTask };
        await using var run =
            await new HostedRun(_log, _database.ConnectionString, [newer], SmallBatches).StartAsync();

        Assert.Equal("aliases_v1", run.Registry.Live("aliases"));
        var position = await _log.AppendAliasAsync(1);
        Assert.Equal(position, await run.Gate.WaitForHeadAsync(new[] { "aliases" }, CancellationToken.None));
        Assert.Equal(61, await _database.ScalarAsync<long>("SELECT count(*) FROM aliases_v1.journal"));

        built.SetResult();
        while (run.Registry.Live("aliases") != "aliases_v2")
            await Task.Yield();
        Assert.Equal(61, await _database.ScalarAsync<long>("SELECT count(*) FROM aliases_v2.journal"));
        Assert.Equal([position], newer.CommittedPositions);
    }

    private async Task InterruptAsync(
        Func<HostedRun, Task> start, Func<HostedRun, CancellationToken, Task> rebuild)
    {
        using var interrupt = new CancellationTokenSource();
        var projection = new AliasTableProjection
        {
            AfterApply = batch => batch.Schema == "aliases_v1_g1" && batch.UpTo >= new LogPosition(40)
                ? interrupt.CancelAsync()
                : Task.CompletedTask,
        };
        await using var run = new HostedRun(_log, _database.ConnectionString, [projection], SmallBatches);
        await start(run);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => rebuild(run, interrupt.Token));
        Assert.Equal("aliases_v1", run.Registry.Live("aliases"));
    }

    private async Task AssertBuiltAsync(string schema, AliasTableProjection projection)
    {
        Assert.Equal(60, await _database.ScalarAsync<long>($"SELECT count(*) FROM {schema}.journal"));
        Assert.True(projection.BatchSizes.Sum() is > 0 and < 60);
        Assert.Equal(
            schema,
            await _database.ScalarAsync<string>("SELECT schema FROM projections.checkpoints WHERE is_live"));
        Assert.Equal(1, await _database.ScalarAsync<long>("SELECT count(*) FROM projections.checkpoints"));
    }

    private sealed class Second : AliasTableProjection
    {
        public override string Name => "second";
    }

    private sealed class Newer : AliasTableProjection, IProjection
    {
        public override int Version { get; init; } = 2;

        public int ServesFrom => 1;
    }
}
