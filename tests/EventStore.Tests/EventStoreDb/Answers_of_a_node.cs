using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Matrix.EventSourced.EventStore.Wire;

namespace Matrix.EventSourced.EventStore.Tests.EventStoreDb;

/// <summary>What a node may answer to an append, and what the caller makes of it.</summary>
public sealed class Answers_of_a_node : IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly StreamName Room = new("room", "!a:hs");

    private FakeNode _node = null!;

    public async Task InitializeAsync() => _node = await FakeNode.StartAsync();

    public async Task DisposeAsync() => await _node.DisposeAsync();

    [Fact]
    public async Task node_that_ran_out_of_time_is_asked_again_with_the_same_id()
    {
        _node.Answers.OnBatch = (n, request) => n == 0
            ? Failure(request, Code.DeadlineExceeded, new Wire.Timeout())
            : FakeAnswers.Success(request, 3);

        Assert.Equal(3, Assert.IsType<AppendResult.Appended>(await AppendAsync(Record(1))).Revision);

        Assert.Equal(2, _node.Answers.Batches.Count);
        Assert.Equal(_node.Answers.Batches[0].ProposedMessages[0].Id, _node.Answers.Batches[1].ProposedMessages[0].Id);
    }

    [Fact]
    public async Task conflict_behind_a_lost_append_is_not_believed()
    {
        // The first append of the chain is lost, so the second meets a conflict; sent again, both stand.
        _node.Answers.OnBatch = (n, request) => n switch
        {
            0 => null,
            1 => Failure(request, Code.AlreadyExists, new WrongExpectedVersion { CurrentNoStream = new() }),
            2 => Failure(_node.Answers.Batches[0], Code.DeadlineExceeded, new Wire.Timeout()),
            _ => FakeAnswers.Success(request, request.Options.StreamPosition + 1),
        };
        await using var store = await GrpcEngine.ConnectAsync($"{_node.Address}").WaitAsync(Patience);

        var one = store.AppendAsync(Room, ExpectedRevision.Exactly(0), [Record(1)]).AsTask();
        var two = store.AppendAsync(Room, ExpectedRevision.Exactly(1), [Record(2)]).AsTask();
        var other = store.AppendAsync(new StreamName("room", "!b:hs"), ExpectedRevision.Exactly(5), [Record(3)]).AsTask();

        var results = await Task.WhenAll(one, two, other).WaitAsync(Patience);
        Assert.Equal([1L, 2L, 6L], results.Select(result => Assert.IsType<AppendResult.Appended>(result).Revision));
    }

    [Fact]
    public async Task append_that_the_node_finds_too_large_is_the_callers_mistake()
    {
        _node.Answers.OnBatch = (_, request) =>
            Failure(request, Code.InvalidArgument, new MaximumAppendSizeExceeded { MaxAppendSize = 1024 });

        await Assert.ThrowsAsync<ArgumentException>(() => AppendAsync(Record(1)));
    }

    [Fact]
    public async Task refusal_of_one_append_leaves_the_others_alone()
    {
        _node.Answers.OnBatch = (n, request) => n == 0
            ? Failure(request, Code.PermissionDenied, new AccessDenied())
            : FakeAnswers.Success(request, 0);
        await using var store = await GrpcEngine.ConnectAsync($"{_node.Address}").WaitAsync(Patience);

        var one = store.AppendAsync(Room, ExpectedRevision.Any, [Record(1)]).AsTask();
        var two = store.AppendAsync(Room, ExpectedRevision.Any, [Record(2)]).AsTask();

        var refused = await Assert.ThrowsAsync<EventStoreException>(() => one.WaitAsync(Patience));
        Assert.Contains("denies access", refused.Message, StringComparison.Ordinal);
        Assert.IsType<AppendResult.Appended>(await two.WaitAsync(Patience));
    }

    [Fact]
    public async Task tombstoned_stream_says_so()
    {
        _node.Answers.OnBatch = (_, request) => Failure(request, Code.FailedPrecondition, new StreamDeleted());

        Assert.IsType<AppendResult.Tombstoned>(await AppendAsync(Record(1)));
    }

    [Fact]
    public async Task node_that_knows_no_batches_gets_one_append_after_the_other()
    {
        _node.Answers.Methods.Clear();
        await using var store = await GrpcEngine.ConnectAsync($"{_node.Address}").WaitAsync(Patience);

        var results = await Task.WhenAll(Enumerable.Range(1, 20).Select(
            n => store.AppendAsync(Room, ExpectedRevision.Any, [Record(n)]).AsTask())).WaitAsync(Patience);

        Assert.Equal(
            Enumerable.Range(0, 20).Select(n => (long)n),
            results.Select(result => Assert.IsType<AppendResult.Appended>(result).Revision));
        Assert.Empty(_node.Answers.Batches);
        Assert.All(_node.Answers.Singles, parts => Assert.Equal(2, parts.Count));
    }

    [Fact]
    public async Task known_id_is_answered_by_the_first_append_even_where_the_node_would_take_it_again()
    {
        await using var store = await GrpcEngine.ConnectAsync($"{_node.Address}").WaitAsync(Patience);
        _node.Answers.OnBatch = (n, request) => FakeAnswers.Success(request, (ulong)n);

        var first = await store.AppendAsync(Room, ExpectedRevision.NoStream, [Record(1)]).AsTask().WaitAsync(Patience);
        // A real node compares ids only where the expected revision has been passed: at the last one it appends.
        var again = await store.AppendAsync(Room, ExpectedRevision.Exactly(0), [Record(1)]).AsTask().WaitAsync(Patience);

        Assert.Equal(first, again);
        Assert.Single(_node.Answers.Batches);
    }

    [Fact]
    public async Task id_of_before_the_start_is_known_from_the_end_of_the_log()
    {
        _node.Answers.OnRead = request =>
            request.Options.ReadDirection == ReadReq.Types.Options.Types.ReadDirection.Backwards
                ? [Said(Record(1), 4, 17)]
                : [];

        var appended = Assert.IsType<AppendResult.Appended>(await AppendAsync(Record(1)));

        Assert.Equal((4L, new LogPosition(17)), (appended.Revision, appended.Position));
        Assert.Empty(_node.Answers.Batches);
    }

    [Fact]
    public async Task position_that_the_node_does_not_know_is_looked_for()
    {
        // Records at 10, 20 and 30; any other position is none, as a real node says it.
        ulong[] positions = [10, 20, 30];
        _node.Answers.OnRead = request =>
        {
            var isForwards = request.Options.ReadDirection == ReadReq.Types.Options.Types.ReadDirection.Forwards;
            if (request.Options.All.Position is not { } from)
                return (isForwards ? positions : Enumerable.Reverse(positions)).Select(Said).Take((int)request.Options.Count);
            if (!positions.Contains(from.CommitPosition))
                throw new RpcException(new Grpc.Core.Status(StatusCode.Unknown, "Exception was thrown by handler."));
            return isForwards
                ? positions.Where(position => position >= from.CommitPosition).Select(Said)
                : Enumerable.Reverse(positions).Where(position => position < from.CommitPosition).Select(Said);
        };
        await using var store = await GrpcEngine.ConnectAsync($"{_node.Address}").WaitAsync(Patience);

        Assert.Equal((ulong[])[20, 30], await PositionsAsync(store, 15, ReadDirection.Forwards));
        Assert.Equal((ulong[])[30], await PositionsAsync(store, 20, ReadDirection.Forwards));
        Assert.Equal((ulong[])[10], await PositionsAsync(store, 15, ReadDirection.Backwards));
        Assert.Equal((ulong[])[20, 10], await PositionsAsync(store, 20, ReadDirection.Backwards));
        Assert.Equal((ulong[])[30, 20, 10], await PositionsAsync(store, 99, ReadDirection.Backwards));
        Assert.Equal((ulong[])[], await PositionsAsync(store, 99, ReadDirection.Forwards));

        static ReadResp Said(ulong position) => Answers_of_a_node.Said(Record((int)position), 0, position);
    }

    private static async Task<ulong[]> PositionsAsync(IEventStore store, ulong from, ReadDirection direction)
    {
        var positions = new List<ulong>();
        await foreach (var record in store.ReadAllAsync(new LogPosition(from), direction, 100))
            positions.Add(record.Position.Value);
        return [.. positions];
    }

    private async Task<AppendResult> AppendAsync(NewRecord record)
    {
        await using var store = await GrpcEngine.ConnectAsync($"{_node.Address}").WaitAsync(Patience);
        return await store.AppendAsync(Room, ExpectedRevision.Any, [record]).AsTask().WaitAsync(Patience);
    }

    private static BatchAppendResp Failure(BatchAppendReq request, Code code, Google.Protobuf.IMessage detail) => new()
    {
        CorrelationId = request.CorrelationId,
        Error = new Wire.Status { Code = code, Message = "as told", Details = Any.Pack(detail) },
    };

    private static ReadResp Said(NewRecord record, ulong revision, ulong position) => new()
    {
        Event = new ReadResp.Types.ReadEvent
        {
            CommitPosition = position,
            Event = new ReadResp.Types.ReadEvent.Types.RecordedEvent
            {
                Id = new UUID { String = record.RecordId.ToString() },
                StreamIdentifier = new StreamIdentifier { StreamName = Google.Protobuf.ByteString.CopyFromUtf8(Room.Value) },
                StreamRevision = revision,
                CommitPosition = position,
                PreparePosition = position,
                Metadata = { ["type"] = record.Type, ["content-type"] = "application/json", ["created"] = "0" },
            },
        },
    };

    private static NewRecord Record(int number) => new(
        new Guid(number, 7, 7, [1, 2, 3, 4, 5, 6, 7, 8]), "test.happened.v1", "{}"u8.ToArray(), default);
}
