using System.Text;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.EduServer;
using Matrix.EventSourced.Federation.FedSender;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Api.Tests.EduServer;

public sealed class Outgoing_edus
{
    private static readonly RoomId Room = RoomId.Parse("!room:hs");
    private static readonly UserId Alice = UserId.Parse("@alice:hs");
    private static readonly Protocol.Identifiers.EventId Read = Protocol.Identifiers.EventId.Parse("$read");

    [Fact]
    public void have_the_shapes_of_the_spec()
    {
        Assert.Equal(
            """{"content":{"room_id":"!room:hs","typing":true,"user_id":"@alice:hs"},"edu_type":"m.typing"}""",
            Text(new TypingChanged(Room, Alice, IsTyping: true, IsContinued: false, [new Typist(Alice, 1)])));
        Assert.Equal(
            """{"content":{"!room:hs":{"m.read":{"@alice:hs":{"data":{"thread_id":"main","ts":7},"event_ids":["$read"]}}}},"edu_type":"m.receipt"}""",
            Text(new ReceiptRecorded(Room, Alice, "m.read", Read, "main", 7)));
        Assert.Equal(
            """{"content":{"push":[{"currently_active":true,"last_active_ago":5,"presence":"online","""
            + "\"status_msg\":\"hé\",\"user_id\":\"@alice:hs\"}]},\"edu_type\":\"m.presence\"}",
            Text(new PresenceChanged(Alice, PresenceState.Online, "hé", 10, true, 15)));
    }

    [Fact]
    public void are_none_for_private_receipts() =>
        Assert.Empty(new OutgoingEdus().From(new ReceiptRecorded(Room, Alice, "m.read.private", Read, null, 7)));

    private static string Text(IFact fact) =>
        Encoding.UTF8.GetString(Assert.Single(new OutgoingEdus().From(fact)).Span);
}
