using System.Text;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.Relations;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Projections.Search;
using Matrix.EventSourced.Projections.Sync;
using Matrix.EventSourced.Projections.UserApi;
using Matrix.EventSourced.Projections.UserDirectory;
using Matrix.EventSourced.Protocol.Identifiers;
using Npgsql;

namespace Matrix.EventSourced.Projections.Tests.Roomserver;

/// <summary>The projections of rooms in one schema of their own, fed batch by batch as the host would.</summary>
internal sealed class RoomserverHarness : IProjectionGate, IProjectionSchemas, IAccountDataQueries
{
    private static readonly string[] Tables =
    [
        "pdus ORDER BY event_id",
        "state ORDER BY room_id, type, state_key, to_position",
        "memberships ORDER BY user_id, room_id",
        "rooms ORDER BY room_id",
        "aliases ORDER BY alias",
        "public_rooms ORDER BY room_id",
        "relations ORDER BY event_id",
        "entries ORDER BY event_id",
        "names ORDER BY event_id",
        "open_state ORDER BY event_id",
    ];

    private readonly NpgsqlDataSource _database;
    private readonly string _schema;
    private readonly RoomserverProjection _projection;
    private readonly IProjection[] _others =
    [
        new RelationsProjection(new RoomActivity()), new SearchProjection(), new UserDirectoryProjection(),
    ];

    private RoomserverHarness(NpgsqlDataSource database, string schema, LiveViewLimits limits, TimeProvider time)
    {
        (_database, _schema) = (database, schema);
        Live = new(limits);
        _projection = new(Live);
        Reader = new(database, this);
        Queries = new(database, this, this);
        Engine = new(Live, new FeedLoader(Live, Reader, this), Reader, this, this, new LazyMembers(), time, []);
    }

    public LiveView Live { get; }
    public RoomReader Reader { get; }
    public NpgsqlDataSource Database => _database;
    public RoomserverQueries Queries { get; }
    public SyncEngine Engine { get; }
    public long Applied { get; private set; }
    public List<AccountDataEntry> AccountData { get; } = [];

    public static async Task<RoomserverHarness> CreateAsync(
        NpgsqlDataSource database, string schema, LiveViewLimits? limits = null, TimeProvider? time = null)
    {
        var harness = new RoomserverHarness(database, schema, limits ?? new(), time ?? TimeProvider.System);
        await harness.RunAsync(new StateNodeTable(database).Ddl);
        await harness.RunAsync($"DROP SCHEMA IF EXISTS {schema} CASCADE; CREATE SCHEMA {schema}");
        await harness.RunAsync(harness._projection.Ddl.Replace("{schema}", schema, StringComparison.Ordinal));
        foreach (var other in harness._others)
            await harness.RunAsync(other.Ddl.Replace("{schema}", schema, StringComparison.Ordinal));
        return harness;
    }

    /// <summary>Applies what of the log is not applied yet.</summary>
    public async Task FollowAsync(TestLog log, int batchSize = int.MaxValue)
    {
        var fresh = log.Records.FindAll(record => (long)record.Record.Position.Value > Applied);
        for (var start = 0; start < fresh.Count; start += batchSize)
        {
            var facts = fresh.GetRange(start, Math.Min(batchSize, fresh.Count - start));
            await ApplyAsync(facts);
            if (batchSize == int.MaxValue)
                break;
        }
    }

    private async Task ApplyAsync(List<DecodedRecord> facts)
    {
        await using var connection = await _database.OpenConnectionAsync();
        await using var transaction = await connection.BeginTransactionAsync();
        var upTo = facts[^1].Record.Position;
        var batch = new ProjectionBatch(_schema, connection, transaction, facts, upTo, IsRebuild: false);
        await _projection.ApplyAsync(batch, default);
        foreach (var other in _others)
            await other.ApplyAsync(batch, default);
        await transaction.CommitAsync();
        _projection.Committed(batch);
        Applied = (long)upTo.Value;
    }

    public async Task ForgetStateNodesAsync() => await RunAsync("TRUNCATE statestore.state_nodes");

    /// <summary>Every row of every table as text, in the order of the keys.</summary>
    public async Task<string> DumpAsync()
    {
        var dump = new StringBuilder();
        foreach (var table in Tables)
        {
            await using var command = _database.CreateCommand(
                $"SELECT t::text FROM {_schema}.{table.Replace(" ORDER", " t ORDER", StringComparison.Ordinal)}");
            await using var reader = await command.ExecuteReaderAsync();
            while (await reader.ReadAsync())
                dump.Append(table.AsSpan(0, table.IndexOf(' '))).Append(' ').AppendLine(reader.GetString(0));
        }
        return dump.ToString();
    }

    private async Task RunAsync(string sql)
    {
        await using var command = _database.CreateCommand(sql);
        await command.ExecuteNonQueryAsync();
    }

    public ValueTask<LogPosition> WaitForHeadAsync(
        ReadOnlyMemory<string> projections, CancellationToken cancellationToken) =>
        new(new LogPosition((ulong)Applied));

    public ValueTask<LogPosition> RequireHeadAsync(
        ReadOnlyMemory<string> projections, CancellationToken cancellationToken) =>
        WaitForHeadAsync(projections, cancellationToken);

    public ValueTask<LogPosition> WaitForAsync(
        ReadOnlyMemory<string> projections, LogPosition position, CancellationToken cancellationToken) => new(position);

    string IProjectionSchemas.Live(string projection) => _schema;

    public ValueTask<IReadOnlyList<AccountDataEntry>> ChangedAsync(
        UserId user, LogPosition afterPosition, LogPosition upTo, CancellationToken cancellationToken) =>
        new(AccountData.FindAll(entry => entry.Position > afterPosition && entry.Position <= upTo));

    public ValueTask<IReadOnlyList<AccountDataEntry>> AllAsync(UserId user, CancellationToken cancellationToken) =>
        new(AccountData);

    public ValueTask<ReadOnlyMemory<byte>?> FindAsync(
        UserId user, RoomId? room, string type, CancellationToken cancellationToken) =>
        new((ReadOnlyMemory<byte>?)null);
}
