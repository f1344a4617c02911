using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.EventStore.InMemory;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.Roomserver;
using Matrix.EventSourced.Facts.UserApi;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Protocol.Identifiers;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Matrix.EventSourced.Projections.Tests.Hosting;

/// <summary>One life of a projection host over a given log and database, as a process would have it.</summary>
public sealed class HostedRun : IAsyncDisposable
{
    private readonly NpgsqlDataSource _dataSource;

    public HostedRun(
        IEventReader log,
        string connectionString,
        IReadOnlyList<IProjection> projections,
        ProjectionOptions? options = null,
        IReadOnlyList<IFixedSchema>? fixedSchemas = null)
    {
        options ??= new ProjectionOptions { OldSchemaGrace = TimeSpan.Zero };
        _dataSource = NpgsqlDataSource.Create(connectionString);
        Registry = new ProjectionRegistry();
        Health = new ProjectionHealth();
        Documents = new DocumentStores(_dataSource, Registry);
        Host = new ProjectionHost(
            projections,
            fixedSchemas ?? [],
            Registry,
            Health,
            Documents,
            log,
            _dataSource,
            TimeProvider.System,
            options,
            NullLogger<ProjectionHost>.Instance);
        Gate = new ProjectionGate(Registry, log, TimeProvider.System, options, NullLogger<ProjectionGate>.Instance);
    }

    public ProjectionRegistry Registry { get; }

    public ProjectionHealth Health { get; }

    public DocumentStores Documents { get; }

    public ProjectionHost Host { get; }

    public ProjectionGate Gate { get; }

    public async Task<HostedRun> StartAsync()
    {
        await Host.StartAsync(CancellationToken.None);
        return this;
    }

    public async ValueTask DisposeAsync()
    {
        await Host.DisposeAsync();
        Documents.Dispose();
        await _dataSource.DisposeAsync();
    }
}

/// <summary>Appends facts that the test projections handle, and others that they do not.</summary>
public static class LogWriting
{
    private static readonly FactMetadata Metadata = new("test", "test", FactActor.Self, 0);

    public static readonly UserId Alice = UserId.Parse("@alice:test");

    public static Task<LogPosition> AppendAliasAsync(this IEventStore log, int number) => log.AppendAsync(
        new AliasCreated(
            RoomAlias.Parse($"#alias{number % 50}:test"), RoomId.Parse($"!room{number}:test"), Alice),
        new StreamName(StreamCategories.Alias, $"#alias{number % 50}:test"));

    public static Task<LogPosition> AppendUnhandledAsync(this IEventStore log, int number) => log.AppendAsync(
        new DeviceDeleted(Alice, $"DEVICE{number}"), new StreamName(StreamCategories.User, "@alice:test"));

    /// <summary>A mix in which about every third record concerns nobody.</summary>
    public static async Task<LogPosition> AppendMixAsync(this IEventStore log, int from, int count)
    {
        var last = LogPosition.Start;
        for (var i = from; i < from + count; i++)
            last = i % 3 == 2 ? await log.AppendUnhandledAsync(i) : await log.AppendAliasAsync(i);
        return last;
    }

    public static async Task<LogPosition> AppendRawAsync(this IEventStore log, string type, string json)
    {
        var result = await log.AppendAsync(
            new StreamName("alias", "#raw:test"),
            ExpectedRevision.Any,
            [new NewRecord(
                Guid.NewGuid(), type, System.Text.Encoding.UTF8.GetBytes(json), FactCodec.EncodeMetadata(Metadata))]);
        return ((AppendResult.Appended)result).Position;
    }

    private static async Task<LogPosition> AppendAsync(this IEventStore log, IFact fact, StreamName stream)
    {
        var (type, data) = FactCodec.Encode(fact);
        var result = await log.AppendAsync(
            stream,
            ExpectedRevision.Any,
            [new NewRecord(Guid.NewGuid(), type, data, FactCodec.EncodeMetadata(Metadata))]);
        return ((AppendResult.Appended)result).Position;
    }

    public static InMemoryEventStore NewLog() => new(TimeProvider.System);
}
