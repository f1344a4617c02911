using System.Text;
using Google.Protobuf;
using Grpc.Core;
using Matrix.EventSourced.EventStore.Wire;

namespace Matrix.EventSourced.EventStore.Tests.Gateway;

public sealed class Appends_over_grpc : GatewayFixture
{
    [Fact]
    public async Task appended_messages_are_records_of_the_log()
    {
        var id = NextId();
        var answer = await AppendAsync("room-!a:hs", Message("{\"a\":1}", "happened.v1", id), Message());

        var records = await LogAsync();
        Assert.Equal(1ul, answer.Success.CurrentRevision);
        Assert.Equal(records[1].Position.Value, answer.Success.Position.CommitPosition);
        Assert.Equal(answer.Success.Position.CommitPosition, answer.Success.Position.PreparePosition);
        Assert.Equal(
            ("room-!a:hs", 0L, id, "happened.v1"),
            (records[0].Stream.Value, records[0].Revision, records[0].RecordId, records[0].Type));
        Assert.Equal("{\"a\":1}", Encoding.UTF8.GetString(records[0].Data.Span));
        Assert.Equal("{\"by\":1}", Encoding.UTF8.GetString(records[0].Metadata.Span));
    }

    [Fact]
    public async Task appended_message_reads_back_as_it_was()
    {
        var message = Message("not json");
        message.Metadata["content-type"] = "application/octet-stream";
        message.Metadata["dropped"] = "yes";
        await AppendAsync("orders", message);

        var read = Assert.Single(await ReadAsync(StreamRequest("orders"))).Event;

        Assert.Equal("not json", read.Event.Data.ToStringUtf8());
        Assert.Equal("{\"by\":1}", read.Event.CustomMetadata.ToStringUtf8());
        Assert.Equal(["content-type", "created", "type"], read.Event.Metadata.Keys.Order());
        Assert.Equal("application/octet-stream", read.Event.Metadata["content-type"]);
        Assert.Equal("happened", read.Event.Metadata["type"]);
        var created = Engine.Time.GetUtcNow().UtcTicks - DateTimeOffset.UnixEpoch.UtcTicks;
        Assert.Equal($"{created}", read.Event.Metadata["created"]);
        Assert.Equal("orders", read.Event.StreamIdentifier.StreamName.ToStringUtf8());
        Assert.Equal(read.CommitPosition, read.Event.CommitPosition);
    }

    [Fact]
    public async Task ids_go_in_and_out_in_both_forms()
    {
        var id = Guid.Parse("00112233-4455-6677-8899-aabbccddeeff");
        var structured = new UUID.Types.Structured
        {
            MostSignificantBits = 0x0011223344556677,
            LeastSignificantBits = unchecked((long)0x8899aabbccddeeff),
        };
        var message = Message();
        message.Id = new UUID { Structured = structured };
        await AppendAsync("orders", message);

        var asHalves = Assert.Single(await ReadAsync(StreamRequest("orders"))).Event.Event.Id;
        var asText = Assert.Single(await ReadAsync(AllRequest())).Event.Event.Id;

        Assert.Equal(id, Assert.Single(await LogAsync()).RecordId);
        Assert.Equal(structured, asHalves.Structured);
        Assert.Equal(id.ToString(), asText.String);
    }

    [Fact]
    public async Task wrong_revision_is_an_answer_that_names_both()
    {
        await AppendAsync("orders", Messages(2));

        var exact = await AppendAsync(Options("orders", options => options.Revision = 7), Message());
        var noStream = await AppendAsync(Options("orders", options => options.NoStream = new Empty()), Message());
        var exists = await AppendAsync(Options("others", options => options.StreamExists = new Empty()), Message());

        Assert.Equal((1ul, 1ul), (exact.WrongExpectedVersion.CurrentRevision, exact.WrongExpectedVersion.CurrentRevision2060));
        Assert.Equal((7ul, 7ul), (exact.WrongExpectedVersion.ExpectedRevision, exact.WrongExpectedVersion.ExpectedRevision2060));
        Assert.NotNull(noStream.WrongExpectedVersion.ExpectedNoStream);
        Assert.NotNull(exists.WrongExpectedVersion.CurrentNoStream);
        Assert.NotNull(exists.WrongExpectedVersion.NoStream2060);
        Assert.NotNull(exists.WrongExpectedVersion.ExpectedStreamExists);
        Assert.Equal(2, (await LogAsync()).Count);
    }

    [Fact]
    public async Task same_ids_again_have_the_first_answer()
    {
        var messages = Messages(2);
        var first = await AppendAsync(Options("orders", options => options.NoStream = new Empty()), messages);
        await AppendAsync("orders", Message());

        var again = await AppendAsync(Options("orders", options => options.NoStream = new Empty()), messages);
        var mixed = await AppendAsync("orders", messages[1], Message());

        Assert.Equal(first, again);
        Assert.NotNull(mixed.WrongExpectedVersion.ExpectedAny);
        Assert.Equal(3, (await LogAsync()).Count);
    }

    [Fact]
    public async Task append_of_nothing_only_compares_the_revision()
    {
        await AppendAsync("orders", Messages(2));

        var same = await AppendAsync(Options("orders", options => options.Revision = 1));
        var none = await AppendAsync("nothing");
        var wrong = await AppendAsync(Options("orders", options => options.Revision = 0));

        Assert.Equal(1ul, same.Success.CurrentRevision);
        Assert.NotNull(same.Success.NoPosition);
        Assert.NotNull(none.Success.NoStream);
        Assert.Equal(1ul, wrong.WrongExpectedVersion.CurrentRevision);
        Assert.Equal(2, (await LogAsync()).Count);
    }

    public static TheoryData<string> BadAppends => new(
        "no options", "no stream", "empty stream", "metadata of metadata", "stream not utf-8", "stream with nul", "$all", "no expectation", "large revision",
        "no type", "empty type", "no content-type", "other content-type", "no id", "empty id", "id no uuid", "same id twice",
        "options twice");

    [Theory]
    [MemberData(nameof(BadAppends))]
    public async Task bad_append_is_an_invalid_argument(string what)
    {
        var options = new AppendReq.Types.Options { StreamIdentifier = Name("orders"), Any = new Empty() };
        var message = Message();
        var messages = new List<AppendReq> { new() { Options = options }, new() { ProposedMessage = message } };
        switch (what)
        {
            case "no options": messages.RemoveAt(0); break;
            case "no stream": options.StreamIdentifier = null; break;
            case "empty stream": options.StreamIdentifier = Name(""); break;
            case "metadata of metadata": options.StreamIdentifier = Name("$$$$orders"); break;
            case "stream not utf-8": options.StreamIdentifier.StreamName = ByteString.CopyFrom(0xff, 0xfe); break;
            case "stream with nul": options.StreamIdentifier = Name("a\0b"); break;
            case "$all": options.StreamIdentifier = Name("$all"); break;
            case "no expectation": options.ClearExpectedStreamRevision(); break;
            case "large revision": options.Revision = ulong.MaxValue; break;
            case "no type": message.Metadata.Remove("type"); break;
            case "empty type": message.Metadata["type"] = ""; break;
            case "no content-type": message.Metadata.Remove("content-type"); break;
            case "other content-type": message.Metadata["content-type"] = "text/plain"; break;
            case "no id": message.Id = null; break;
            case "empty id": message.Id = Text(Guid.Empty); break;
            case "id no uuid": message.Id = new UUID { String = "x" }; break;
            case "same id twice": messages.Add(messages[1]); break;
            case "options twice": messages.Add(messages[0]); break;
        }

        var problem = await Assert.ThrowsAsync<RpcException>(() => AppendPartsAsync(messages));

        Assert.Equal(StatusCode.InvalidArgument, problem.StatusCode);
        Assert.Empty(await LogAsync());
    }

    [Fact]
    public async Task append_that_is_too_large_as_a_whole_says_how_large_it_may_be()
    {
        var half = new string('x', EventStoreLimits.AppendBytesMax / 2);

        var problem = await Assert.ThrowsAsync<RpcException>(
            () => AppendAsync("orders", Message(half), Message(half)));

        Assert.Equal(StatusCode.InvalidArgument, problem.StatusCode);
        Assert.Equal("maximum-append-size-exceeded", Trailer(problem, "exception"));
        Assert.Equal("1048576", Trailer(problem, "maximum-append-size"));
        Assert.Empty(await LogAsync());
        Assert.NotNull((await AppendAsync("orders", Message(half))).Success);
    }

    [Fact]
    public async Task deleted_stream_is_not_found_and_goes_on_with_the_next_revision()
    {
        await AppendAsync("orders", Messages(3));

        var deleted = await Client.DeleteAsync(
            new DeleteReq { Options = new() { StreamIdentifier = Name("orders"), Revision = 2 } }, Bounded());

        Assert.Equal((await Log.ReadHeadAsync()).Value, deleted.Position.CommitPosition);
        Assert.NotNull(Assert.Single(await ReadAsync(StreamRequest("orders"))).StreamNotFound);
        var again = await AppendAsync(Options("orders", options => options.NoStream = new Empty()), Message());
        Assert.Equal(3ul, again.Success.CurrentRevision);
        AssertRevisions(await ReadAsync(StreamRequest("orders")), 3);
    }

    [Fact]
    public async Task deletion_at_a_wrong_revision_fails_and_says_so()
    {
        await AppendAsync("orders-ö", Messages(3));

        var wrong = await Assert.ThrowsAsync<RpcException>(async () => await Client.DeleteAsync(
            new DeleteReq { Options = new() { StreamIdentifier = Name("orders-ö"), Revision = 1 } }, Bounded()));
        var none = await Assert.ThrowsAsync<RpcException>(async () => await Client.TombstoneAsync(
            new TombstoneReq { Options = new() { StreamIdentifier = Name("x"), StreamExists = new Empty() } }, Bounded()));

        Assert.Equal(StatusCode.FailedPrecondition, wrong.StatusCode);
        Assert.Equal("wrong-expected-version", Trailer(wrong, "exception"));
        Assert.Equal("orders-%C3%B6", Trailer(wrong, "stream-name"));
        Assert.Equal(("1", "2"), (Trailer(wrong, "expected-version"), Trailer(wrong, "actual-version")));
        Assert.Equal(("-4", null), (Trailer(none, "expected-version"), Trailer(none, "actual-version")));
    }

    [Fact]
    public async Task deletions_that_say_too_little_or_mean_metadata_are_refused()
    {
        var requests = new Func<Task>[]
        {
            async () => await Client.DeleteAsync(new DeleteReq(), Bounded()),
            async () => await Client.DeleteAsync(new DeleteReq { Options = new() { Any = new Empty() } }, Bounded()),
            async () => await Client.DeleteAsync(
                new DeleteReq { Options = new() { StreamIdentifier = Name("x") } }, Bounded()),
            async () => await Client.TombstoneAsync(new TombstoneReq(), Bounded()),
            async () => await Client.DeleteAsync(
                new DeleteReq { Options = new() { StreamIdentifier = Name("$$x"), Any = new Empty() } }, Bounded()),
            async () => await Client.TombstoneAsync(
                new TombstoneReq { Options = new() { StreamIdentifier = Name("x") } }, Bounded()),
        };
        foreach (var request in requests)
            Assert.Equal(StatusCode.InvalidArgument, (await Assert.ThrowsAsync<RpcException>(request)).StatusCode);
    }

    [Fact]
    public async Task tombstoned_stream_says_that_it_is_deleted()
    {
        await AppendAsync("orders", Messages(2));
        await Client.TombstoneAsync(
            new TombstoneReq { Options = new() { StreamIdentifier = Name("orders"), Revision = 1 } }, Bounded());

        var refusals = new[]
        {
            await RefusedAsync(StreamRequest("orders")),
            await RefusedAsync(Subscription(StreamRequest("orders"))),
            await Assert.ThrowsAsync<RpcException>(() => AppendAsync("orders", Message())),
            await Assert.ThrowsAsync<RpcException>(() => AppendAsync("orders")),
            await Assert.ThrowsAsync<RpcException>(async () => await Client.DeleteAsync(
                new DeleteReq { Options = new() { StreamIdentifier = Name("orders"), Any = new Empty() } }, Bounded())),
            await Assert.ThrowsAsync<RpcException>(() => AppendAsync("$$orders", Message(type: "$metadata"))),
        };

        Assert.All(refusals, refusal => Assert.Equal(StatusCode.FailedPrecondition, refusal.StatusCode));
        Assert.All(refusals, refusal => Assert.Equal("stream-deleted", Trailer(refusal, "exception")));
        Assert.Empty(await ReadAsync(AllRequest()));
    }

    [Fact]
    public async Task metadata_of_a_stream_is_a_stream_and_its_bounds_hold()
    {
        await AppendAsync("orders", Messages(5));
        var json = "{\"$maxCount\":2,\"$acl\":{\"$r\":[\"$all\"]},\"colour\":\"red\"}";
        var set = await AppendAsync(
            Options("$$orders", options => options.NoStream = new Empty()), Message(json, "$metadata"));

        Assert.Equal(0ul, set.Success.CurrentRevision);
        Assert.Equal(json, Assert.Single(await ReadAsync(StreamRequest("$$orders"))).Event.Event.Data.ToStringUtf8());
        AssertRevisions(await ReadAsync(StreamRequest("orders")), 3, 4);
        Assert.Equal(2, (await Log.ReadStreamMetadataAsync(StreamName.FromStored("orders"))).MaxCount);
        Assert.Equal(
            ["orders", "orders", "$$orders"],
            (await ReadAsync(AllRequest())).Select(read => read.Event.Event.StreamIdentifier.StreamName.ToStringUtf8()));
    }

    [Fact]
    public async Task bounds_that_the_server_sets_itself_are_read_as_metadata()
    {
        await Log.SetStreamMetadataAsync(new StreamName("typing", "!a:hs"), new StreamMetadata(TimeSpan.FromMinutes(1)));

        var read = Assert.Single(await ReadAsync(StreamRequest("$$typing-!a:hs"))).Event.Event;

        Assert.Equal("$metadata", read.Metadata["type"]);
        Assert.Equal("{\"$maxAge\":60}", read.Data.ToStringUtf8());
    }

    private async Task<List<LogRecord>> LogAsync()
    {
        var records = new List<LogRecord>();
        await foreach (var record in Log.ReadAllAsync(null, ReadDirection.Forwards, long.MaxValue))
            records.Add(record);
        return records;
    }

    private static AppendReq.Types.Options Options(string stream, Action<AppendReq.Types.Options> expect)
    {
        var options = new AppendReq.Types.Options { StreamIdentifier = Name(stream) };
        expect(options);
        return options;
    }
}
