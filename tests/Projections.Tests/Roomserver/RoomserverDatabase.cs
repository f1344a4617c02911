using Matrix.EventSourced.Kit.Postgres;
using Npgsql;

namespace Matrix.EventSourced.Projections.Tests.Roomserver;

/// <summary>One database for this read model's tests, one after the other: they share the schema of the state nodes.</summary>
[CollectionDefinition(Collection)]
public sealed class RoomserverDatabase : IAsyncLifetime, ICollectionFixture<RoomserverDatabase>
{
    public const string Collection = "roomserver database";

    private TestDatabase? _database;

    public NpgsqlDataSource Source => _database!.DataSource;

    public async Task InitializeAsync() => _database = await PostgresKit.CreateDatabaseAsync();

    public async Task DisposeAsync()
    {
        if (_database is not null)
            await _database.DisposeAsync();
    }
}
