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

        var records = new List<LogRecord>();
        await foreach (var record in Log.ReadAllAsync(null, ReadDirection.Forwards, 9))
            records.Add(record);
        Assert.Equal(1ul, answer.Success.CurrentRevision);
        Assert.Equal(records[1].Position.Value, answer.Success.Position.CommitPosition);
        Assert.Equal(answer.Success.Position.CommitPosition, answer.Success.Position.PreparePosition);
        Assert.Equal(("room-!a:hs", 0L, id, "happened.v1"),
            (records[0].Stream.Value, records[0].Revision, records[0].RecordId, records[0].Type));
        Assert.Equal("{\"a\":1}", Encoding.UTF8.GetString(records[0].Data.Span));
        Assert.Equal("{\"by\":1}", Encoding.UTF8.GetString(records[0].Metadata.Span));
    }

    [Fact]
    public async Task appended_message_reads_back_as_it_was()
    {
        var id = NextId();
        var message = Message("not json", "happened", id);
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
}
