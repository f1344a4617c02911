using System.Text;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.EventStore.InMemory;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.UserApi;
using Matrix.EventSourced.Kit.Postgres;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.Tests.Hosting;
using Matrix.EventSourced.Projections.UserApi;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Projections.Tests.UserApi;

public class Replay_of_the_user_api
{
    private const int Seed = 20_260;
    private static readonly UserId Alice = UserId.Parse("@alice:hs");

    private readonly InMemoryEventStore _log = LogWriting.NewLog();

    [Fact]
    public async Task gives_the_same_rows_for_any_size_of_batch()
    {
        await FillAsync();
        var expected = await DumpAsync(new ProjectionOptions { CatchUpBatchMax = 1 });
        Assert.Contains("token", expected, StringComparison.Ordinal);
        Assert.Equal(expected, await DumpAsync(new ProjectionOptions { CatchUpBatchMax = 7 }));
        Assert.Equal(expected, await DumpAsync(new ProjectionOptions()));
        Assert.Equal(expected, await DumpAsync(new ProjectionOptions()));
    }

    [Fact]
    public async Task gives_the_same_rows_after_a_crash_at_any_batch()
    {
        await FillAsync();
        var expected = await DumpAsync(new ProjectionOptions());
        var options = new ProjectionOptions { CatchUpBatchMax = 30 };
        for (var crashAt = 0; crashAt < 4; crashAt++)
        {
            await using var database = await PostgresKit.CreateDatabaseAsync();
            var batches = 0;
            await using (await UserApiRun.StartAsync(
                _log, database, options, () =>
                    batches++ == crashAt ? throw new InvalidOperationException("crash") : Task.CompletedTask))
            {
            }
            await using var run = await UserApiRun.StartAsync(_log, database, options);
            Assert.True(run.Health.IsHealthy);
            Assert.Equal(expected, await run.DumpAsync(database));
        }
    }

    [Fact]
    public async Task gives_the_same_rows_when_followed_live()
    {
        await using var database = await PostgresKit.CreateDatabaseAsync();
        await using var run = await UserApiRun.StartAsync(_log, database);
        await run.WaitAsync(await FillAsync());
        Assert.Equal(await run.DumpAsync(database), await DumpAsync(new ProjectionOptions()));
    }

    [Fact]
    public async Task forgets_tokens_as_they_end()
    {
        await using var database = await PostgresKit.CreateDatabaseAsync();
        await using var run = await UserApiRun.StartAsync(_log, database);
        await UserApiRun.AppendAsync(_log, new AccountRegistered(Alice, AccountKind.Guest, IsAdmin: true));
        await run.WaitAsync(await UserApiRun.AppendAsync(_log, Credentials("one", "two")));

        Assert.Equal(new TokenOwner(Alice, "D-one", IsGuest: true, IsAdmin: true, null), await FindAsync("one"));
        Assert.NotNull(await FindAsync("two"));
        Assert.Null(await FindAsync("three"));

        await run.WaitAsync(await UserApiRun.AppendAsync(_log, Credentials("two", "three")));
        Assert.Null(await FindAsync("one"));
        Assert.NotNull(await FindAsync("two"));
        Assert.NotNull(await FindAsync("three"));

        await run.WaitAsync(
            await UserApiRun.AppendAsync(_log, new CredentialsChanged(Alice, null, [], IsDeactivated: true)));
        Assert.Null(await FindAsync("two"));
        Assert.Null(await FindAsync("three"));
        Assert.Null(await run.Profiles.FindAsync(Alice, CancellationToken.None));

        ValueTask<TokenOwner?> FindAsync(string token) => run.Tokens.FindAsync(token, CancellationToken.None);
    }

    [Fact]
    public async Task tells_account_data_by_position()
    {
        await using var database = await PostgresKit.CreateDatabaseAsync();
        await using var run = await UserApiRun.StartAsync(_log, database);
        var registered = await UserApiRun.AppendAsync(_log, new AccountRegistered(Alice, AccountKind.User, false));
        var first = await UserApiRun.AppendAsync(
            _log, new AccountDataSet(Alice, null, "a", RawJson.FromText("{ \"v\":1.0 }")));
        var second = await UserApiRun.AppendAsync(
            _log, new AccountDataSet(Alice, RoomId.Parse("!r:hs"), "a", RawJson.FromText("{}")));
        await run.WaitAsync(second);

        Assert.Equal(
            ["m.push_rules", "a", "a"], (await run.AccountData.AllAsync(Alice, default)).Select(one => one.Type));
        Assert.Equal(["m.push_rules", "a"], (await ChangedAsync(LogPosition.Start, first)).Select(one => one.Type));
        var changed = Assert.Single(await ChangedAsync(registered, first));
        Assert.Equal("{ \"v\":1.0 }", Encoding.UTF8.GetString(changed.ContentUtf8.Span));
        Assert.Equal(RoomId.Parse("!r:hs"), Assert.Single(await ChangedAsync(first, second)).RoomId);
        Assert.Empty(await ChangedAsync(second, second));

        // Setting it again moves it to the new position.
        var third = await UserApiRun.AppendAsync(_log, new AccountDataSet(Alice, null, "a", RawJson.FromText("{}")));
        await run.WaitAsync(third);
        Assert.Single(await ChangedAsync(second, third));
        Assert.Null(await run.AccountData.FindAsync(Alice, null, "none", CancellationToken.None));
        Assert.Null(await run.Filters.FindAsync(Alice, "none", CancellationToken.None));

        ValueTask<IReadOnlyList<AccountDataEntry>> ChangedAsync(LogPosition after, LogPosition upTo) =>
            run.AccountData.ChangedAsync(Alice, after, upTo, CancellationToken.None);
    }

    private static CredentialsChanged Credentials(params string[] tokens) =>
        new(Alice, "hash", [.. tokens.Select(token => new StoredAccessToken(token, "D-" + token, 1))]);

    private async Task<LogPosition> FillAsync()
    {
        var last = LogPosition.Start;
        foreach (var fact in new UserFacts(Seed).Take(120))
            last = await UserApiRun.AppendAsync(_log, fact);
        return last;
    }

    private async Task<string> DumpAsync(ProjectionOptions options)
    {
        await using var database = await PostgresKit.CreateDatabaseAsync();
        await using var run = await UserApiRun.StartAsync(_log, database, options);
        Assert.True(run.Health.IsHealthy);
        return await run.DumpAsync(database);
    }
}
