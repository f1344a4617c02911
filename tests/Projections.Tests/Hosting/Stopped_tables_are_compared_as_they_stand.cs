using Matrix.EventSourced.EventStore.InMemory;
using Matrix.EventSourced.Kit.Postgres;
using Matrix.EventSourced.Projections.Hosting;

namespace Matrix.EventSourced.Projections.Tests.Hosting;

/// <summary>A comparison of a stopped server's tables with its log changes neither.</summary>
public sealed class Stopped_tables_are_compared_as_they_stand : IAsyncLifetime
{
    private readonly InMemoryEventStore _log = LogWriting.NewLog();
    private TestDatabase _database = null!;

    public async Task InitializeAsync()
    {
        _database = await PostgresKit.CreateDatabaseAsync();
        await _log.AppendMixAsync(0, 30);
        await using var run = await StartedAsync();
    }

    public async Task DisposeAsync() => await _database.DisposeAsync();

    [Fact]
    public async Task where_they_lag_behind_the_log()
    {
        await _log.AppendMixAsync(30, 30);

        Assert.Empty(await CompareAsync(_log));
    }

    [Fact]
    public async Task and_a_difference_is_found_where_they_lag()
    {
        await _log.AppendMixAsync(30, 30);
        await _database.ExecuteAsync("DELETE FROM aliases_v1.aliases WHERE alias = '#alias3:test'");

        var difference = Assert.Single(await CompareAsync(_log));

        Assert.Equal(("aliases", false), (difference.Table, difference.IsInLive));
    }

    [Fact]
    public async Task and_left_alone_when_they_are_of_another_log()
    {
        var other = LogWriting.NewLog();
        await other.AppendMixAsync(5, 60);
        await using var command = new HostedRun(other, _database.ConnectionString, [new AliasTableProjection()]);

        await command.Host.LookStoppedAsync(CancellationToken.None);

        Assert.Contains("not from this log", Assert.Single(command.Host.NotComparable));
        Assert.Equal(20, await _database.ScalarAsync<long>("SELECT count(*) FROM aliases_v1.journal"));
        Assert.Equal(1, await _database.ScalarAsync<long>("SELECT count(*) FROM projections.checkpoints"));
    }

    [Fact]
    public async Task and_left_alone_when_they_are_of_another_version()
    {
        await using var command =
            new HostedRun(_log, _database.ConnectionString, [new AliasTableProjection { Version = 2 }]);

        await command.Host.LookStoppedAsync(CancellationToken.None);

        Assert.Contains("version 1, not 2", Assert.Single(command.Host.NotComparable));
        Assert.Equal(20, await _database.ScalarAsync<long>("SELECT count(*) FROM aliases_v1.journal"));
    }

    private Task<HostedRun> StartedAsync() =>
        new HostedRun(_log, _database.ConnectionString, [new AliasTableProjection()]).StartAsync();

    private async Task<IReadOnlyList<RowDifference>> CompareAsync(InMemoryEventStore log)
    {
        await using var command = new HostedRun(log, _database.ConnectionString, [new AliasTableProjection()]);
        await command.Host.LookStoppedAsync(CancellationToken.None);
        Assert.Empty(command.Host.NotComparable);
        var found = new List<RowDifference>();
        await foreach (var difference in command.Host.VerifyAsync("aliases", CancellationToken.None))
            found.Add(difference);
        Assert.Equal(1, await _database.ScalarAsync<long>("SELECT count(*) FROM projections.checkpoints"));
        return found;
    }
}
