using System.Collections.Concurrent;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Matrix.EventSourced.EventStore.Embedded;
using Matrix.EventSourced.EventStore.Wire;
using Nothing = Google.Protobuf.WellKnownTypes.Empty;
using Options = Matrix.EventSourced.EventStore.Wire.BatchAppendReq.Types.Options;

namespace Matrix.EventSourced.EventStore.Tests.Gateway;

public sealed class Batches_over_grpc : GatewayFixture
{
    private readonly ConcurrentQueue<string> _operations = [];
    private readonly ManualResetEventSlim _disk = new(initialState: true);

    private protected override EmbeddedOptions EngineOptions(string folder) => new()
    {
        Folder = folder,
        BeforeOperation = operation =>
        {
            _operations.Enqueue(operation);
            // Bounded, so that a test that failed meanwhile ends.
            if (operation == "commit")
                _disk.Wait(TimeSpan.FromSeconds(60));
        },
    };

    [Fact]
    public async Task appends_are_answered_by_their_correlation_ids()
    {
        using var call = Client.BatchAppend(Bounded());
        var first = Part("orders", Proposed(), Proposed());
        var second = Part("others", Proposed());

        await call.RequestStream.WriteAsync(first);
        await call.RequestStream.WriteAsync(second);

        var answers = await AnswersAsync(call, 2);
        Assert.Equal(1ul, answers[first.CorrelationId].Success.CurrentRevision);
        Assert.Equal(0ul, answers[second.CorrelationId].Success.CurrentRevision);
        Assert.Equal("orders", answers[first.CorrelationId].StreamIdentifier.StreamName.ToStringUtf8());
        Assert.NotNull(answers[first.CorrelationId].Any);
        Assert.Equal((await Log.ReadHeadAsync()).Value, answers[second.CorrelationId].Success.Position.CommitPosition);
        await CompleteAsync(call);
    }

    [Fact]
    public async Task refused_append_leaves_the_call_to_the_others()
    {
        await AppendAsync("orders", Messages(2));
        await Log.TombstoneAsync(StreamName.FromStored("closed"), ExpectedRevision.Any);
        using var call = Client.BatchAppend(Bounded());
        var conflict = Part("orders", Proposed());
        conflict.Options.StreamPosition = 7;
        var noType = Part("orders", Proposed());
        noType.ProposedMessages[0].Metadata.Remove("type");
        var noOptions = Part("orders", Proposed());
        noOptions.Options = null;
        var noExpectation = Part("orders", Proposed());
        noExpectation.Options.ClearExpectedStreamPosition();
        var nothing = Part("orders");
        var large = Part("orders", Proposed(600_000), Proposed(600_000));
        var deleted = Part("closed", Proposed());
        var good = Part("orders", Proposed());
        good.Options.StreamPosition = 1;
        BatchAppendReq[] parts = [conflict, noType, noOptions, noExpectation, nothing, large, deleted, good];

        foreach (var part in parts)
            await call.RequestStream.WriteAsync(part);

        var answers = await AnswersAsync(call, parts.Length);
        var wrong = answers[conflict.CorrelationId].Error;
        Assert.Equal(Code.AlreadyExists, wrong.Code);
        Assert.Equal("type.googleapis.com/event_store.client.WrongExpectedVersion", wrong.Details.TypeUrl);
        var versions = wrong.Details.Unpack<WrongExpectedVersion>();
        Assert.Equal((1ul, 7ul), (versions.CurrentStreamRevision, versions.ExpectedStreamPosition));
        Assert.Equal(7ul, answers[conflict.CorrelationId].StreamPosition);
        foreach (var bad in (BatchAppendReq[])[noType, noOptions, noExpectation, nothing])
        {
            Assert.Equal(Code.InvalidArgument, answers[bad.CorrelationId].Error.Code);
            Assert.NotEmpty(answers[bad.CorrelationId].Error.Details.Unpack<BadRequest>().Message);
        }
        Assert.Equal(1_048_576u,
            answers[large.CorrelationId].Error.Details.Unpack<MaximumAppendSizeExceeded>().MaxAppendSize);
        Assert.Equal(Code.FailedPrecondition, answers[deleted.CorrelationId].Error.Code);
        Assert.True(answers[deleted.CorrelationId].Error.Details.Is(StreamDeleted.Descriptor));
        Assert.Equal(2ul, answers[good.CorrelationId].Success.CurrentRevision);
        await CompleteAsync(call);
    }

    [Fact]
    public async Task parts_of_one_append_are_joined_and_may_be_mixed_with_others()
    {
        using var call = Client.BatchAppend(Bounded());
        var (one, other) = (Part("orders", Proposed()), Part("others", Proposed()));
        one.IsFinal = other.IsFinal = false;

        await call.RequestStream.WriteAsync(one);
        await call.RequestStream.WriteAsync(other);
        await call.RequestStream.WriteAsync(Rest(one, isFinal: false, Proposed(), Proposed()));
        await call.RequestStream.WriteAsync(Rest(other, isFinal: true, Proposed()));
        Assert.Equal(1ul, (await AnswersAsync(call, 1))[other.CorrelationId].Success.CurrentRevision);
        AssertRevisions(await ReadAsync(AllRequest()), 0, 1);
        await call.RequestStream.WriteAsync(Rest(one, isFinal: true));

        Assert.Equal(2ul, (await AnswersAsync(call, 1))[one.CorrelationId].Success.CurrentRevision);
        await CompleteAsync(call);
    }

    [Fact]
    public async Task what_is_wrong_with_a_part_is_answered_after_the_last()
    {
        using var call = Client.BatchAppend(Bounded());
        var large = Part("orders", Proposed(900_000));
        large.IsFinal = false;
        await call.RequestStream.WriteAsync(large);
        await call.RequestStream.WriteAsync(Rest(large, isFinal: false, Proposed(900_000)));
        await call.RequestStream.WriteAsync(Rest(large, isFinal: false, Proposed()));
        var good = Part("orders", Proposed());
        await call.RequestStream.WriteAsync(good);
        Assert.Equal(0ul, (await AnswersAsync(call, 1))[good.CorrelationId].Success.CurrentRevision);

        await call.RequestStream.WriteAsync(Rest(large, isFinal: true));

        Assert.True((await AnswersAsync(call, 1))[large.CorrelationId].Error.Details.Is(MaximumAppendSizeExceeded.Descriptor));
        Assert.Single(await ReadAsync(AllRequest()));
        await CompleteAsync(call);
    }

    [Fact]
    public async Task same_ids_again_have_the_first_answer()
    {
        using var call = Client.BatchAppend(Bounded());
        var part = Part("orders", Proposed(), Proposed());
        await call.RequestStream.WriteAsync(part);
        var first = (await AnswersAsync(call, 1))[part.CorrelationId];
        part.Options.NoStream = new Nothing();

        await call.RequestStream.WriteAsync(part);

        Assert.Equal(first.Success, (await AnswersAsync(call, 1))[part.CorrelationId].Success);
        await CompleteAsync(call);
    }

    [Fact]
    public async Task part_without_a_correlation_id_ends_the_call()
    {
        using var call = Client.BatchAppend(Bounded());
        var part = Part("orders", Proposed());
        part.CorrelationId = null;
        await call.RequestStream.WriteAsync(part);

        var problem = await Assert.ThrowsAsync<RpcException>(() => AnswersAsync(call, 1));

        Assert.Equal(StatusCode.InvalidArgument, problem.StatusCode);
    }

    [Fact]
    public async Task many_appends_on_one_call_share_the_transactions_of_the_log()
    {
        const int Count = 5000;
        using var call = Client.BatchAppend(Bounded());
        _operations.Clear();
        var answering = AnswersAsync(call, Count);

        // While the disk is slow the rest queues up behind the first.
        _disk.Reset();
        for (var n = 0; n < 1000; n++)
            await call.RequestStream.WriteAsync(Part($"orders-{n % 7}", Proposed()));
        _disk.Set();
        for (var n = 1000; n < Count; n++)
            await call.RequestStream.WriteAsync(Part($"orders-{n % 7}", Proposed()));

        var answers = await answering;
        Assert.All(answers.Values, answer => Assert.NotNull(answer.Success));
        Assert.Equal(Count, answers.Values.Select(answer => answer.Success.Position.CommitPosition).Distinct().Count());
        Assert.InRange(_operations.Count(operation => operation == "commit"), 1, Count / 4);
        await CompleteAsync(call);
    }

    [Fact]
    public async Task appends_to_one_stream_keep_the_order_in_which_they_were_sent()
    {
        const int Count = 500;
        using var call = Client.BatchAppend(Bounded());
        var answering = AnswersAsync(call, Count);
        for (var n = 0; n < Count; n++)
        {
            var part = Part("orders", Proposed());
            if (n > 0)
                part.Options.StreamPosition = (ulong)n - 1;
            await call.RequestStream.WriteAsync(part);
        }

        Assert.All((await answering).Values, answer => Assert.NotNull(answer.Success));
        await CompleteAsync(call);
    }

    [Fact]
    public async Task deadline_that_passes_before_the_answer_is_a_time_out_and_the_call_goes_on()
    {
        using var call = Client.BatchAppend(Bounded());
        var (byDuration, byTime, patient) = (Part("a", Proposed()), Part("b", Proposed()), Part("c", Proposed()));
        byDuration.Options.Deadline = Duration.FromTimeSpan(TimeSpan.FromSeconds(10));
        byTime.Options.Deadline21100 = Timestamp.FromDateTimeOffset(Engine.Time.GetUtcNow() + TimeSpan.FromSeconds(10));
        patient.Options.Deadline = new Duration { Seconds = long.MaxValue };
        _disk.Reset();
        foreach (var part in (BatchAppendReq[])[byDuration, byTime, patient])
            await call.RequestStream.WriteAsync(part);
        // What comes back for the fourth says that the three are on their way.
        var bad = Part("", Proposed());
        await call.RequestStream.WriteAsync(bad);
        Assert.NotNull((await AnswersAsync(call, 1))[bad.CorrelationId].Error);

        Engine.Time.Advance(TimeSpan.FromSeconds(11));

        var late = await AnswersAsync(call, 2);
        foreach (var part in (BatchAppendReq[])[byDuration, byTime])
        {
            Assert.Equal(Code.DeadlineExceeded, late[part.CorrelationId].Error.Code);
            Assert.True(late[part.CorrelationId].Error.Details.Is(Wire.Timeout.Descriptor));
        }
        _disk.Set();
        Assert.NotNull((await AnswersAsync(call, 1))[patient.CorrelationId].Success);
        await CompleteAsync(call);
    }

    [Fact]
    public async Task append_whose_deadline_passed_while_its_parts_came_is_not_made()
    {
        using var call = Client.BatchAppend(Bounded());
        var part = Part("orders", Proposed());
        part.IsFinal = false;
        part.Options.Deadline = Duration.FromTimeSpan(TimeSpan.FromSeconds(10));
        var other = Part("others", Proposed());
        await call.RequestStream.WriteAsync(part);
        await call.RequestStream.WriteAsync(other);
        Assert.NotNull((await AnswersAsync(call, 1))[other.CorrelationId].Success);
        Engine.Time.Advance(TimeSpan.FromSeconds(11));

        await call.RequestStream.WriteAsync(Rest(part, isFinal: true));

        Assert.Equal(Code.DeadlineExceeded, (await AnswersAsync(call, 1))[part.CorrelationId].Error.Code);
        Assert.Single(await ReadAsync(AllRequest()));
        await CompleteAsync(call);
    }

    [Fact]
    public async Task call_that_its_client_drops_leaves_whole_appends_and_a_log_that_goes_on()
    {
        using (var call = Client.BatchAppend(Bounded()))
        {
            _disk.Reset();
            for (var n = 0; n < 200; n++)
                await call.RequestStream.WriteAsync(Part("orders", Proposed(), Proposed()));
        }
        _disk.Set();

        await AppendAsync("orders", Message());

        var revisions = Revisions(await ReadAsync(StreamRequest("orders")));
        Assert.Equal(1, revisions.Length % 2);
        Assert.Equal(Enumerable.Range(0, revisions.Length).Select(n => (ulong)n), revisions);
    }

    private BatchAppendReq Part(string stream, params BatchAppendReq.Types.ProposedMessage[] messages) => new()
    {
        CorrelationId = Text(NextId()),
        Options = new Options { StreamIdentifier = Name(stream), Any = new Nothing() },
        ProposedMessages = { messages },
        IsFinal = true,
    };

    private static BatchAppendReq Rest(
        BatchAppendReq first, bool isFinal, params BatchAppendReq.Types.ProposedMessage[] messages) =>
        new() { CorrelationId = first.CorrelationId, ProposedMessages = { messages }, IsFinal = isFinal };

    private BatchAppendReq.Types.ProposedMessage Proposed(int bytes = 2) => new()
    {
        Id = Text(NextId()),
        Metadata = { ["type"] = "happened", ["content-type"] = "application/json" },
        Data = ByteString.CopyFrom(new byte[bytes]),
    };

    private static async Task<Dictionary<UUID, BatchAppendResp>> AnswersAsync(
        AsyncDuplexStreamingCall<BatchAppendReq, BatchAppendResp> call, int count)
    {
        var answers = new Dictionary<UUID, BatchAppendResp>();
        while (answers.Count < count && await call.ResponseStream.MoveNext(CancellationToken.None))
            answers.Add(call.ResponseStream.Current.CorrelationId, call.ResponseStream.Current);
        return answers;
    }

    private static async Task CompleteAsync(AsyncDuplexStreamingCall<BatchAppendReq, BatchAppendResp> call)
    {
        await call.RequestStream.CompleteAsync();
        Assert.False(await call.ResponseStream.MoveNext(CancellationToken.None));
    }
}
