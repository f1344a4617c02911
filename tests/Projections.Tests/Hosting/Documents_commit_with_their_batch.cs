using System.Collections.Frozen;
using System.Collections.Immutable;
using Marten;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.EventStore.InMemory;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.Roomserver;
using Matrix.EventSourced.Kit.Postgres;
using Matrix.EventSourced.Projections.Hosting;

namespace Matrix.EventSourced.Projections.Tests.Hosting;

public sealed class Documents_commit_with_their_batch : IAsyncLifetime
{
    private readonly InMemoryEventStore _log = LogWriting.NewLog();
    private TestDatabase _database = null!;

    public async Task InitializeAsync() => _database = await PostgresKit.CreateDatabaseAsync();

    public async Task DisposeAsync() => await _database.DisposeAsync();

    [Fact]
    public async Task and_are_read_from_the_live_version()
    {
        await _log.AppendAliasAsync(1);
        var projection = new DocumentProjection();
        await using var run = new HostedRun(_log, _database.ConnectionString, [projection]);
        projection.Documents = run.Documents;
        await run.StartAsync();

        await _log.AppendAliasAsync(2);
        await run.Gate.WaitForHeadAsync(new[] { "documents" }, CancellationToken.None);
        await using var session = run.Documents.QuerySession("documents");

        Assert.Equal("!room1:test", (await session.LoadAsync<AliasDocument>("#alias1:test"))?.Room);
        Assert.Equal(2, await session.Query<AliasDocument>().CountAsync());

        await run.Host.RebuildAsync("documents", CancellationToken.None);
        await using var rebuilt = run.Documents.QuerySession("documents");
        Assert.Equal("!room2:test", (await rebuilt.LoadAsync<AliasDocument>("#alias2:test"))?.Room);
        Assert.Equal(2, await _database.ScalarAsync<long>("SELECT count(*) FROM documents_v1_g1.mt_doc_aliasdocument"));
    }

    [Fact]
    public async Task and_are_rolled_back_with_it()
    {
        await _log.AppendAliasAsync(1);
        var projection = new DocumentProjection { Throws = true };
        await using var run = new HostedRun(_log, _database.ConnectionString, [projection]);
        projection.Documents = run.Documents;

        await run.StartAsync();

        Assert.False(run.Health.IsHealthy);
        Assert.Equal(0, await _database.ScalarAsync<long>("SELECT count(*) FROM documents_v1.mt_doc_aliasdocument"));
    }

    private sealed class DocumentProjection : IDocumentProjection
    {
        public IDocumentStoreAccess Documents { get; set; } = null!;

        public bool Throws { get; init; }

        public string Name => "documents";

        public int Version => 1;

        public FrozenSet<string> Handles { get; } = FrozenSet.Create(StringComparer.Ordinal, FactNames.AliasCreated);

        public string Ddl => "";

        public void ConfigureDocuments(StoreOptions options) => options.Schema.For<AliasDocument>();

        public async ValueTask ApplyAsync(ProjectionBatch batch, CancellationToken cancellationToken)
        {
            await using var session = Documents.OpenSession(batch);
            foreach (var alias in batch.Facts.Select(f => f.Fact).OfType<AliasCreated>())
                session.Store(new AliasDocument { Id = alias.Alias.ToString(), Room = alias.RoomId.ToString() });
            await session.SaveChangesAsync(cancellationToken);
            if (Throws)
                throw new InvalidOperationException("after the documents were saved");
        }

        public void Committed(ProjectionBatch batch)
        {
        }
    }
}

/// <summary>Outside the test's class: a nested document's table would carry both names.</summary>
public sealed class AliasDocument
{
    public string Id { get; set; } = "";

    public string Room { get; set; } = "";
}
