using System.Globalization;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.UserApi;
using Matrix.EventSourced.Kit.Postgres;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.Tests.Hosting;
using Matrix.EventSourced.Projections.UserApi;
using Matrix.EventSourced.Protocol.Identifiers;
using Marten;

namespace Matrix.EventSourced.Projections.Tests.UserApi;

/// <summary>The UserAPI's projection in a host of its own, and its queries.</summary>
internal sealed class UserApiRun : IAsyncDisposable
{
    private static readonly FactMetadata Metadata = new("test", "test", FactActor.Self, 0);

    private readonly HostedRun _run;

    private UserApiRun(
        HostedRun run, LateDocuments documents, TestDatabase database, TokenCache cache, AccountDataRecency recency)
    {
        _run = run;
        documents.Target = run.Documents;
        Tokens = new TokenQueries(database.DataSource, run.Registry, cache);
        AccountData = new AccountDataQueries(documents, recency);
        Devices = new DeviceQueries(documents);
        Profiles = new ProfileQueries(documents);
        Filters = new FilterQueries(documents);
    }

    public TokenQueries Tokens { get; }

    public AccountDataQueries AccountData { get; }

    public DeviceQueries Devices { get; }

    public IProfileQueries Profiles { get; }

    public FilterQueries Filters { get; }

    public ProjectionHealth Health => _run.Health;

    public ProjectionHost Host => _run.Host;

    public static async Task<UserApiRun> StartAsync(
        IEventReader log, TestDatabase database, ProjectionOptions? options = null, Func<Task>? beforeCommit = null)
    {
        var documents = new LateDocuments();
        var cache = new TokenCache();
        var recency = new AccountDataRecency();
        var projection = new UserApiProjection(documents, cache, recency, new DeviceSightings());
        IProjection hosted = beforeCommit is null ? projection : new Interrupted(projection, beforeCommit);
        var run = new HostedRun(log, database.ConnectionString, [hosted], options);
        var userApi = new UserApiRun(run, documents, database, cache, recency);
        await run.StartAsync();
        return userApi;
    }

    public async Task WaitAsync(LogPosition position) =>
        await _run.Gate.WaitForAsync(UserApiProjection.Gate, position, CancellationToken.None);

    public static async Task<LogPosition> AppendAsync(IEventStore log, IFact fact)
    {
        var (type, data) = FactCodec.Encode(fact);
        var stream = fact is CredentialsChanged ? "credentials" : fact is AccountDataSet ? "accountdata" : "user";
        var result = await log.AppendAsync(
            new StreamName(stream, "@all:hs"),
            ExpectedRevision.Any,
            [new NewRecord(Guid.NewGuid(), type, data, FactCodec.EncodeMetadata(Metadata))]);
        return ((AppendResult.Appended)result).Position;
    }

    /// <summary>All rows of the live version, in an order that depends on nothing else.</summary>
    public async Task<string> DumpAsync(TestDatabase database)
    {
        var schema = _run.Registry.Live(UserApiProjection.ProjectionName);
        var dump = await database.DumpAsync($"SELECT * FROM {schema}.access_tokens ORDER BY token_sha256");
        string[] tables =
            ["accountdocument", "devicedocument", "filterdocument", "accountdatadocument", "pusherdocument"];
        foreach (var table in tables)
            dump += "\n" + await database.DumpAsync(
                $"SELECT id, data FROM {schema}.mt_doc_{table} ORDER BY id COLLATE \"C\"");
        return dump;
    }

    public async ValueTask DisposeAsync() => await _run.DisposeAsync();

    // The host makes the stores, and wants the projection first.
    private sealed class LateDocuments : IDocumentStoreAccess
    {
        public IDocumentStoreAccess? Target { get; set; }

        public IDocumentSession OpenSession(ProjectionBatch batch) => Target!.OpenSession(batch);

        public IQuerySession QuerySession(string projection) => Target!.QuerySession(projection);
    }

    private sealed class Interrupted(UserApiProjection inner, Func<Task> beforeCommit) : IDocumentProjection
    {
        public string Name => inner.Name;

        public int Version => inner.Version;

        public System.Collections.Frozen.FrozenSet<string> Handles => inner.Handles;

        public string Ddl => inner.Ddl;

        public System.Text.Json.Serialization.Metadata.IJsonTypeInfoResolver DocumentJson => inner.DocumentJson;

        public void ConfigureDocuments(StoreOptions options) => inner.ConfigureDocuments(options);

        public async ValueTask ApplyAsync(ProjectionBatch batch, CancellationToken cancellationToken)
        {
            await inner.ApplyAsync(batch, cancellationToken);
            await beforeCommit();
        }

        public void WentLive(string schema, LogPosition upTo) => inner.WentLive(schema, upTo);

        public void Committed(ProjectionBatch batch) => inner.Committed(batch);
    }
}

/// <summary>Facts of a few users, from a seed.</summary>
internal sealed class UserFacts(int seed)
{
    private readonly Random _random = new(seed);
    private int _tokenCount;

    public IEnumerable<IFact> Take(int count)
    {
        for (var i = 0; i < 5; i++)
            yield return new AccountRegistered(User(i), i == 4 ? AccountKind.Guest : AccountKind.User, IsAdmin: i == 0);
        for (var i = 5; i < count; i++)
            yield return Next();
    }

    private static UserId User(int number) =>
        UserId.Parse(string.Create(CultureInfo.InvariantCulture, $"@u{number}:hs"));

    private IFact Next()
    {
        var user = User(_random.Next(5));
        var id = $"ID{_random.Next(4)}";
        var json = RawJson.FromText($$"""{ "n":{{_random.Next(100)}}, "é":"\u0000" }""");
        return _random.Next(12) switch
        {
            0 => new DeviceCreated(user, id, _random.Next(2) == 0 ? null : $"name {_random.Next(9)}"),
            1 => new DeviceRenamed(user, id, $"name {_random.Next(9)}"),
            2 => new DeviceDeleted(user, id),
            3 => new ProfileChanged(user, $"org.f{_random.Next(3)}", _random.Next(3) == 0 ? null : json),
            4 => new FilterStored(user, id, json),
            5 =>
                new AccountDataSet(
                    user, _random.Next(2) == 0 ? null : RoomId.Parse("!r:hs"), $"t{_random.Next(3)}", json),
            6 => new PusherSet(user, id, "app", $"key{_random.Next(3)}", json),
            7 => new PusherDeleted(user, "app", $"key{_random.Next(3)}"),
            8 => new AccountLocked(user, _random.Next(2) == 0),
            9 => new AccountSuspended(user, _random.Next(2) == 0),
            10 => new RoomForgotten(user, RoomId.Parse("!r:hs")),
            _ => new CredentialsChanged(
                user,
                "hash",
                [.. Enumerable.Range(
                    0, _random.Next(4)).Select(n => new StoredAccessToken($"token{_tokenCount++}", $"ID{n}", 1))],
                IsDeactivated: _random.Next(20) == 0),
        };
    }
}
