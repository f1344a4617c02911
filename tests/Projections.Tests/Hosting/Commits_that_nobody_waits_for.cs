using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.EventStore.InMemory;
using Matrix.EventSourced.Kit.Postgres;
using Matrix.EventSourced.Projections.Hosting;

namespace Matrix.EventSourced.Projections.Tests.Hosting;

public sealed class Commits_that_nobody_waits_for : IAsyncLifetime
{
    private static readonly string[] Gate = ["aliases"];

    private readonly InMemoryEventStore _log = LogWriting.NewLog();
    private readonly LazyProjection _projection = new();
    private TestDatabase _database = null!;

    public async Task InitializeAsync() => _database = await PostgresKit.CreateDatabaseAsync();

    public async Task DisposeAsync() => await _database.DisposeAsync();

    [Fact]
    public async Task wait_for_more_until_somebody_asks()
    {
        await using var run = await new HostedRun(_log, _database.ConnectionString, [_projection]).StartAsync();
        await _log.AppendAliasAsync(0);
        await run.Gate.WaitForHeadAsync(Gate, CancellationToken.None);
        var before = _projection.BatchSizes.Count;

        for (var i = 1; i <= 200; i++)
            await _log.AppendAliasAsync(i);

        Assert.Equal(before, _projection.BatchSizes.Count);
        await run.Gate.WaitForHeadAsync(Gate, CancellationToken.None);
        Assert.Equal(201, await _database.ScalarAsync<long>("SELECT count(*) FROM aliases_v1.journal"));
        Assert.Equal(0, run.Gate.Timeouts);
    }

    [Fact]
    public async Task are_made_when_the_server_stops()
    {
        await using var run = await new HostedRun(_log, _database.ConnectionString, [_projection]).StartAsync();
        await _log.AppendAliasAsync(0);
        await run.Gate.WaitForHeadAsync(Gate, CancellationToken.None);
        for (var i = 1; i <= 20; i++)
            await _log.AppendAliasAsync(i);

        await run.Host.StopAsync(CancellationToken.None);

        var rows = await _database.ScalarAsync<long>("SELECT count(*) FROM aliases_v1.journal");
        var checkpoint = await _database.ScalarAsync<long>("SELECT position FROM projections.checkpoints");
        Assert.Equal(rows, checkpoint);
        await using var next = await new HostedRun(
            _log, _database.ConnectionString, [new LazyProjection()]).StartAsync();
        Assert.Equal(21, await _database.ScalarAsync<long>("SELECT count(*) FROM aliases_v1.journal"));
    }

    [Fact]
    public async Task go_when_the_interval_is_over()
    {
        await using var run = await new HostedRun(
            _log, _database.ConnectionString, [new LazyProjection { CommitInterval = TimeSpan.FromTicks(1) }]).StartAsync();

        for (var i = 0; i < 50; i++)
        {
            var position = await _log.AppendAliasAsync(i);
            while (run.Registry.Get("aliases").Applied.Value < position)
                await Task.Yield();
        }

        Assert.Equal(50, await _database.ScalarAsync<long>("SELECT count(*) FROM aliases_v1.journal"));
    }

    /// <summary>A statement that was planned on an empty table read all of it for each PDU of the first minute: 932 PDUs
    /// a second came in, and with statistics 2,900.</summary>
    [Fact]
    public async Task young_tables_are_analysed_while_they_grow()
    {
        await _log.AppendMixAsync(0, 900);

        await using var run = await new HostedRun(_log, _database.ConnectionString, [_projection]).StartAsync();

        Assert.Equal(600, await _database.ScalarAsync<float>(
            "SELECT reltuples FROM pg_class WHERE oid = 'aliases_v1.journal'::regclass"));
    }

    private sealed class LazyProjection : AliasTableProjection, IProjection
    {
        public TimeSpan CommitInterval { get; init; } = TimeSpan.FromDays(1);
    }
}
