using Matrix.EventSourced.Facts.EduServer;
using Matrix.EventSourced.Facts.FedSender;
using Matrix.EventSourced.EventStore.InMemory;
using Matrix.EventSourced.Projections.FedSender;
using Matrix.EventSourced.Projections.Tests.Hosting;
using Matrix.EventSourced.Projections.Tests.Roomserver;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Projections.Tests.FedSender;

[Collection(RoomserverDatabase.Collection)]
public sealed class Edus_for_other_servers(RoomserverDatabase database)
{
    private static readonly UserId Ada = UserId.Parse("@ada:t");
    private static readonly UserId Far = UserId.Parse("@far:away.org");

    [Fact]
    public async Task wait_for_the_servers_that_share_the_room()
    {
        var log = new TestLog();
        var shared = new TestRoom(log, "!shared:t", Ada.Value);
        shared.Member(Far.Value, Far.Value, "join");
        shared.Member("@there:other.org", "@there:other.org", "join");
        var alone = new TestRoom(log, "!alone:t", Ada.Value);
        var first = log.Head;

        log.Add(Typing(shared, Ada), "typing-1");
        log.Add(Typing(alone, Ada), "typing-2");
        log.Add(Receipt(shared, Ada, "m.read"), "receipts-1");
        log.Add(Receipt(shared, Ada, "m.read.private"), "receipts-2");
        log.Add(Presence(Ada), "presence-1");
        // What came from elsewhere is not ours to tell.
        log.Add(Typing(shared, Far), "typing-3");
        log.Add(Receipt(shared, Far, "m.read"), "receipts-3");
        log.Add(Presence(Far), "presence-2");
        // Who is in no room with anybody tells nobody.
        log.Add(Presence(UserId.Parse("@bob:t")), "presence-3");

        var projection = new FedSenderProjection(
            new FedSenderSignals(), new InMemoryEventStore(TimeProvider.System), ServerName.Parse("t"));
        await projection.FeedAsync(database.Source, "edus_queued", log);
        Assert.Equal(
            """
            (away.org,typing-1)
            (other.org,typing-1)
            (away.org,receipts-1)
            (other.org,receipts-1)
            (away.org,presence-1)
            (other.org,presence-1)

            """,
            await FedProjection.DumpAsync(
                database.Source,
                $"SELECT destination, stream FROM edus_queued.queue WHERE NOT is_pdu AND position > {first} ORDER BY position, destination"));
    }

    /// <summary>A presence of while a server was away was not kept for it, and receipts for an hour only.</summary>
    [Fact]
    public async Task wait_once_for_each_subject_while_a_server_is_away()
    {
        var log = new TestLog();
        var shared = new TestRoom(log, "!lasting:t", Ada.Value);
        shared.Member(Far.Value, Far.Value, "join");
        var first = log.Head;
        log.Add(Receipt(shared, Ada, "m.read"), "receipts-before");
        log.Add(new DeliveryFailed(Far.Server, first, first + 1, 1, 1, 2, "away"), "destination-away.org");
        log.Add(Typing(shared, Ada), "typing-1");
        log.Add(Receipt(shared, Ada, "m.read"), "receipts-1");
        log.Add(Receipt(shared, Ada, "m.read") with { ThreadId = "main" }, "receipts-thread");
        log.Add(Presence(Ada), "presence-1");
        log.Add(Receipt(shared, Ada, "m.read"), "receipts-2");
        log.Add(Presence(Ada), "presence-2");
        log.Add(new ToDeviceSent(Far, Ada, "m.test", "1", []), "todevice-1");

        foreach (var batchSize in (int[])[int.MaxValue, 1])
        {
            var projection = new FedSenderProjection(
                new FedSenderSignals(), new InMemoryEventStore(TimeProvider.System), ServerName.Parse("t"));
            await projection.FeedAsync(database.Source, "edus_waiting", log, batchSize);
            Assert.Equal(
                """
                (away.org,receipts-thread)
                (away.org,receipts-2)
                (away.org,presence-2)
                (away.org,todevice-1)

                """,
                await FedProjection.DumpAsync(
                    database.Source,
                    $"SELECT destination, stream FROM edus_waiting.queue WHERE NOT is_pdu AND position > {first} ORDER BY position"));
        }
    }

    private static TypingChanged Typing(TestRoom room, UserId user) =>
        new(RoomId.Parse(room.RoomId), user, IsTyping: true, IsContinued: false, [new Typist(user, 1)]);

    private static ReceiptRecorded Receipt(TestRoom room, UserId user, string type) =>
        new(RoomId.Parse(room.RoomId), user, type, EventId.Parse("$read"), null, 1);

    private static PresenceChanged Presence(UserId user) => new(user, PresenceState.Online, null, 1, true, 1);
}
