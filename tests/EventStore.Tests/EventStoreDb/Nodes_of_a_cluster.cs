using Grpc.Core;
using Matrix.EventSourced.EventStore.Embedded;
using Matrix.EventSourced.EventStore.EventStoreDb;
using Matrix.EventSourced.EventStore.Gateway;
using static Matrix.EventSourced.EventStore.Wire.MemberInfo.Types;

namespace Matrix.EventSourced.EventStore.Tests.EventStoreDb;

/// <summary>Which node is talked to: redirects and discovery, with fake nodes beside one that keeps a log.</summary>
public sealed class Nodes_of_a_cluster : IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly StreamName Room = new("room", "!a:hs");

    private readonly EmbeddedEngine _engine = new();
    private EmbeddedEventStore _log = null!;
    private LogGateway _gateway = null!;
    private FakeNode _one = null!;
    private FakeNode _two = null!;
    private NodeAddress _leader;

    public async Task InitializeAsync()
    {
        _log = await _engine.OpenEmbeddedAsync();
        _gateway = await GrpcEngine.StartGatewayAsync(_log);
        _leader = new NodeAddress("127.0.0.1", new Uri(_gateway.Addresses[0]).Port);
        _one = await FakeNode.StartAsync();
        _two = await FakeNode.StartAsync();
    }

    public async Task DisposeAsync()
    {
        await _one.DisposeAsync();
        await _two.DisposeAsync();
        await _gateway.DisposeAsync();
        await _log.DisposeAsync();
        await _engine.DisposeAsync();
    }

    [Fact]
    public async Task node_that_does_not_lead_says_who_does()
    {
        _one.Answers.Leader = _leader;

        await using var store = await GrpcEngine.ConnectAsync($"{_one.Address}").WaitAsync(Patience);

        Assert.IsType<AppendResult.Appended>(await store.AppendAsync(Room, ExpectedRevision.NoStream, [Record(1)]));
        Assert.Equal($"{_leader}", store.Status.Node);
        Assert.Single(await ReadAsync(_log));
    }

    [Fact]
    public async Task node_that_stops_leading_is_left_with_what_was_on_its_way()
    {
        // It takes the append, says nothing, and then leads no more.
        var taken = new TaskCompletionSource();
        _one.Answers.OnBatch = (_, _) =>
        {
            _one.Answers.Leader = _leader;
            taken.TrySetResult();
            throw new RpcException(new Status(StatusCode.Unavailable, "resigned"));
        };
        await using var store = await GrpcEngine.ConnectAsync($"{_one.Address}").WaitAsync(Patience);

        var answer = await store.AppendAsync(Room, ExpectedRevision.NoStream, [Record(1)]).AsTask().WaitAsync(Patience);

        Assert.True(taken.Task.IsCompleted);
        Assert.Equal(0, Assert.IsType<AppendResult.Appended>(answer).Revision);
        Assert.Equal(IdOf(1), Assert.Single(await ReadAsync(_log)).RecordId);
    }

    [Fact]
    public async Task cluster_is_asked_who_leads()
    {
        _one.Answers.Add(_one.Address, VNodeState.Follower);
        _one.Answers.Add(new NodeAddress("127.0.0.1", 1), VNodeState.Leader, isAlive: false);
        _one.Answers.Add(_leader, VNodeState.Leader);

        await using var store = await GrpcEngine.ConnectAsync($"127.0.0.1:1,{_one.Address}").WaitAsync(Patience);

        Assert.Equal(($"{_leader}", "Leader"), (store.Status.Node, store.Status.Role));
    }

    [Theory]
    [InlineData("follower", "Follower")]
    [InlineData("readOnlyReplica", "ReadOnlyReplica")]
    public async Task preferred_node_is_taken_and_not_asked_to_lead(string preference, string state)
    {
        _one.Answers.Add(_leader, VNodeState.Leader);
        _one.Answers.Add(_two.Address, Enum.Parse<VNodeState>(state));
        _one.Answers.Add(_one.Address, VNodeState.CatchingUp);
        _two.Answers.Leader = _leader;

        await using var store = await GrpcEngine.ConnectAsync(
            $"{_one.Address},127.0.0.1:1", $"tls=false&nodePreference={preference}").WaitAsync(Patience);

        Assert.Equal($"{_two.Address}", store.Status.Node);
        Assert.All(_two.Answers.Headers, headers => Assert.Null(headers.GetValue("requires-leader")));
    }

    [Fact]
    public async Task another_node_is_found_when_the_leader_dies()
    {
        _one.Answers.Add(_two.Address, VNodeState.Leader);
        await using var store = await GrpcEngine.ConnectAsync($"{_one.Address},127.0.0.1:1", attemptsMax: 1000)
            .WaitAsync(Patience);
        Assert.Equal($"{_two.Address}", store.Status.Node);

        _one.Answers.Cluster.Members.Clear();
        _one.Answers.Add(_leader, VNodeState.Leader);
        await _two.DisposeAsync();

        Assert.IsType<AppendResult.Appended>(
            await store.AppendAsync(Room, ExpectedRevision.NoStream, [Record(1)]).AsTask().WaitAsync(Patience));
        Assert.Equal($"{_leader}", store.Status.Node);
    }

    [Fact]
    public async Task every_call_carries_the_name_and_the_credentials()
    {
        await using var store = await GrpcEngine.ConnectAsync(
            $"admin:ch%40nge@{_one.Address}", "tls=false&connectionName=matrix").WaitAsync(Patience);

        await store.AppendAsync(Room, ExpectedRevision.NoStream, [Record(1)]).AsTask().WaitAsync(Patience);

        Assert.True(_one.Answers.Headers.Count >= 2);
        Assert.All(_one.Answers.Headers, headers => Assert.Equal(
            ("Basic YWRtaW46Y2hAbmdl", "matrix", "true"),
            (headers.GetValue("authorization"), headers.GetValue("connection-name"), headers.GetValue("requires-leader"))));
    }

    private static async Task<List<LogRecord>> ReadAsync(IEventStore log)
    {
        var records = new List<LogRecord>();
        await foreach (var record in log.ReadAllAsync(null, ReadDirection.Forwards, long.MaxValue))
            records.Add(record);
        return records;
    }

    private static Guid IdOf(int number) => new(number, 7, 7, [1, 2, 3, 4, 5, 6, 7, 8]);

    private static NewRecord Record(int number) => new(IdOf(number), "test.happened.v1", "{}"u8.ToArray(), default);
}
