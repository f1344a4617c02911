using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.EventStore.InMemory;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Kit.Postgres;
using Matrix.EventSourced.Projections.Hosting;

namespace Matrix.EventSourced.Projections.Tests.Hosting;

public sealed class Projection_that_cannot_go_on_stops : IAsyncLifetime
{
    private static readonly string[] Aliases = ["aliases"];
    private static readonly string[] Others = ["others"];

    private readonly InMemoryEventStore _log = LogWriting.NewLog();
    private TestDatabase _database = null!;

    public async Task InitializeAsync() => _database = await PostgresKit.CreateDatabaseAsync();

    public async Task DisposeAsync() => await _database.DisposeAsync();

    [Fact]
    public async Task at_the_fact_that_it_cannot_apply_and_says_which()
    {
        await _log.AppendMixAsync(0, 30);
        var poison = new LogPosition(11);
        var failing = new AliasTableProjection
        {
            BeforeApply = batch => batch.Facts.Any(f => f.Record.Position == poison)
                ? throw new InvalidOperationException("cannot apply this")
                : Task.CompletedTask,
        };

        // The first start builds the version; only a version that is complete serves, so the poison comes afterwards.
        await using var run =
            await new HostedRun(_log, _database.ConnectionString, [failing, new OtherProjection()]).StartAsync();

        var problem = Assert.Single(run.Health.Problems);
        Assert.Equal("aliases", problem.Projection);
        Assert.Equal(poison, problem.Position);
        Assert.Equal(FactNames.AliasCreated, problem.RecordType);
        Assert.Contains("cannot apply this", problem.Error, StringComparison.Ordinal);
        Assert.False(problem.IsRetrying);
        Assert.Equal(
            10,
            await _database.ScalarAsync<long>(
                "SELECT position FROM projections.checkpoints WHERE schema = 'aliases_v1'"));
        Assert.Equal(20, await _database.ScalarAsync<long>("SELECT count(*) FROM others_v1.journal"));
    }

    [Fact]
    public async Task live_and_alone()
    {
        var failing = new AliasTableProjection();
        await using var run =
            await new HostedRun(_log, _database.ConnectionString, [failing, new OtherProjection()]).StartAsync();
        failing.BeforeApply = _ => throw new InvalidOperationException("cannot apply this");

        var position = await _log.AppendAliasAsync(1);

        Assert.Equal(position, await run.Gate.WaitForHeadAsync(Others, CancellationToken.None));
        // Whoever waits for the stopped one is let go with what there is.
        Assert.Equal(LogPosition.Start, await run.Gate.WaitForHeadAsync(Aliases, CancellationToken.None));
        Assert.Equal(position, Assert.Single(run.Health.Problems).Position);
    }

    [Fact]
    public async Task at_bytes_that_are_no_fact()
    {
        await _log.AppendAliasAsync(1);
        var broken = await _log.AppendRawAsync(FactNames.AliasCreated, "{\"alias\":17}");
        await _log.AppendAliasAsync(2);

        await using var run =
            await new HostedRun(_log, _database.ConnectionString, [new AliasTableProjection()]).StartAsync();

        var problem = Assert.Single(run.Health.Problems);
        Assert.Equal(broken, problem.Position);
        Assert.Equal(FactNames.AliasCreated, problem.RecordType);
        Assert.Equal(1, await _database.ScalarAsync<long>("SELECT count(*) FROM aliases_v1.journal"));
    }

    [Fact]
    public async Task when_another_process_moved_its_checkpoint()
    {
        await using var run =
            await new HostedRun(_log, _database.ConnectionString, [new AliasTableProjection()]).StartAsync();
        await _log.AppendAliasAsync(1);
        await run.Gate.WaitForHeadAsync(Aliases, CancellationToken.None);

        await _database.ExecuteAsync("UPDATE projections.checkpoints SET position = position + 1");
        await _log.AppendAliasAsync(2);
        await run.Gate.WaitForHeadAsync(Aliases, CancellationToken.None);

        var problem = Assert.Single(run.Health.Problems);
        Assert.Contains("Another process writes aliases_v1", problem.Error, StringComparison.Ordinal);
        Assert.Equal(1, await _database.ScalarAsync<long>("SELECT count(*) FROM aliases_v1.journal"));
    }

    [Fact]
    public async Task and_goes_on_at_the_next_start_with_code_that_can()
    {
        await _log.AppendMixAsync(0, 9);
        var failing = new AliasTableProjection { BeforeApply = _ => throw new InvalidOperationException("a bug") };
        await using (await new HostedRun(_log, _database.ConnectionString, [failing]).StartAsync())
        {
        }

        await using var run =
            await new HostedRun(_log, _database.ConnectionString, [new AliasTableProjection()]).StartAsync();

        Assert.True(run.Health.IsHealthy);
        Assert.Equal(6, await _database.ScalarAsync<long>("SELECT count(*) FROM aliases_v1.journal"));
    }

    private sealed class OtherProjection : AliasTableProjection
    {
        public override string Name => "others";
    }
}
