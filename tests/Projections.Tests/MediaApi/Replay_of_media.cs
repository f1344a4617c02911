using System.Globalization;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.EventStore.InMemory;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.MediaApi;
using Matrix.EventSourced.Kit.Postgres;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.MediaApi;
using Matrix.EventSourced.Projections.Tests.Hosting;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Projections.Tests.MediaApi;

public class Replay_of_media
{
    private const int Seed = 8_086;
    private static readonly UserId Alice = UserId.Parse("@alice:hs");
    private static readonly ServerName Other = ServerName.Parse("other.org");

    private readonly InMemoryEventStore _log = LogWriting.NewLog();

    [Fact]
    public async Task gives_the_same_rows_for_any_size_of_batch()
    {
        await FillAsync();
        var expected = await DumpAsync(new ProjectionOptions { CatchUpBatchMax = 1 });
        Assert.Contains("other.org", expected, StringComparison.Ordinal);
        Assert.Equal(expected, await DumpAsync(new ProjectionOptions { CatchUpBatchMax = 7 }));
        Assert.Equal(expected, await DumpAsync(new ProjectionOptions()));
    }

    [Fact]
    public async Task gives_the_same_rows_when_followed_live()
    {
        await using var database = await PostgresKit.CreateDatabaseAsync();
        await using var run = new HostedRun(_log, database.ConnectionString, [new MediaProjection(new MediaArrivals())]);
        await run.StartAsync();
        await WaitAsync(run, await FillAsync());
        Assert.Equal(await DumpAsync(run, database), await DumpAsync(new ProjectionOptions()));
    }

    [Fact]
    public async Task answers_questions_about_media()
    {
        await using var database = await PostgresKit.CreateDatabaseAsync();
        var arrivals = new MediaArrivals();
        await using var run = new HostedRun(_log, database.ConnectionString, [new MediaProjection(arrivals)]);
        await run.StartAsync();
        var queries = new MediaQueries(database.DataSource, run.Registry);
        MediaId pending = MediaId.Parse("pending"), own = MediaId.Parse("own"), copy = MediaId.Parse("copy");
        await AppendAsync(new MediaCreated(pending, Alice, 5_000), 1_000);
        await AppendAsync(new MediaUploaded(own, Sha(1), 30, "image/png", "a.png", Alice), 2_000);
        await AppendAsync(new MediaUploaded(MediaId.Parse("page"), Sha(2), 7, "image/png", PreviewOf: "https://a.org/i"), 2_500);
        await WaitAsync(run, await AppendAsync(new RemoteMediaCached(Other, copy, Sha(1), 30, "text/plain"), 3_000));

        Assert.Equal((1, 30L), await queries.UsageAsync(Alice, 4_999, default));
        Assert.Equal((0, 30L), await queries.UsageAsync(Alice, 5_000, default));
        Assert.Equal("a.png", (await queries.FindAsync(null, own, default))?.FileName);
        Assert.Equal(3_000, (await queries.FindAsync(Other, copy, default))?.StoredMs);
        Assert.Null(await queries.FindAsync(Other, own, default));
        Assert.Equal([own], (await queries.OfUserAsync(Alice, 10, default)).Select(row => row.MediaId));
        Assert.Equal([copy], (await queries.CopiesAsync(false, 3_001, null, 10, default)).Select(row => row.MediaId));
        Assert.Empty(await queries.CopiesAsync(false, 3_000, null, 10, default));
        var page = Assert.Single(await queries.CopiesAsync(true, 9_000, null, 10, default));
        Assert.Empty(await queries.CopiesAsync(true, 9_000, page, 10, default));
        Assert.Equal(page, await queries.FindPreviewImageAsync("https://a.org/i", Sha(2), default));
        Assert.Equal([Sha(1), Sha(2)], (await queries.NamedAsync([Sha(1), Sha(2), Sha(3)], default)).Order());

        using var arrival = arrivals.Register(pending);
        await AppendAsync(new MediaUploaded(pending, Sha(3), 1, "text/plain", null, Alice), 4_000);
        await arrival.Changed.WaitAsync(TimeSpan.FromSeconds(30));
        var uploaded = await queries.FindAsync(null, pending, default);
        Assert.Equal((1_000, 4_000L, null), (uploaded!.CreatedMs, uploaded.StoredMs, uploaded.ExpiresMs));

        await AppendAsync(new MediaRemoved(own, MediaRemoval.Deleted), 5_000);
        await WaitAsync(run, await AppendAsync(new MediaQuarantined(copy, true, Other), 5_000));
        Assert.Null((await queries.FindAsync(null, own, default))?.Sha256);
        Assert.True((await queries.FindAsync(Other, copy, default))?.IsQuarantined);
        Assert.Equal((0, 1L), await queries.UsageAsync(Alice, 1, default));
        Assert.Equal(["", "previews", "@alice:hs"], (await queries.TotalsAsync(9, default)).Select(total => total.UserId));
    }

    private static string Sha(int number) => number.ToString("x64", CultureInfo.InvariantCulture);

    private async Task<LogPosition> FillAsync()
    {
        var random = new Random(Seed);
        var last = LogPosition.Start;
        for (var i = 0; i < 150; i++)
        {
            var id = MediaId.Parse($"m{random.Next(12)}");
            ServerName? origin = random.Next(2) == 0 ? null : Other;
            var sha = Sha(random.Next(8));
            IFact fact = random.Next(6) switch
            {
                0 => new MediaCreated(id, Alice, 1_000 + i),
                1 => new MediaUploaded(id, sha, random.Next(100), "image/png", random.Next(2) == 0 ? null : "n\0", Alice),
                2 => new RemoteMediaCached(Other, id, sha, random.Next(100), "image/png"),
                3 => new MediaRemoved(id, MediaRemoval.Expired, origin),
                4 => new MediaUploaded(id, sha, random.Next(100), "image/png", PreviewOf: "https://a.org/"),
                _ => new MediaQuarantined(id, random.Next(2) == 0, origin),
            };
            last = await AppendAsync(fact, i);
        }
        return last;
    }

    private async Task<LogPosition> AppendAsync(IFact fact, long atMs)
    {
        var (type, data) = FactCodec.Encode(fact);
        var metadata = FactCodec.EncodeMetadata(new FactMetadata("test", "test", FactActor.Self, atMs));
        var result = await _log.AppendAsync(
            new StreamName("media", "all"), ExpectedRevision.Any, [new NewRecord(Guid.NewGuid(), type, data, metadata)]);
        return ((AppendResult.Appended)result).Position;
    }

    private static async Task WaitAsync(HostedRun run, LogPosition position) =>
        await run.Gate.WaitForAsync(MediaProjection.Gate, position, CancellationToken.None);

    private async Task<string> DumpAsync(ProjectionOptions options)
    {
        await using var database = await PostgresKit.CreateDatabaseAsync();
        await using var run = new HostedRun(
            _log, database.ConnectionString, [new MediaProjection(new MediaArrivals())], options);
        await run.StartAsync();
        Assert.True(run.Health.IsHealthy);
        return await DumpAsync(run, database);
    }

    private static Task<string> DumpAsync(HostedRun run, TestDatabase database) => database.DumpAsync(
        $"SELECT * FROM {run.Registry.Live(MediaProjection.ProjectionName)}.media ORDER BY origin, media_id");
}
