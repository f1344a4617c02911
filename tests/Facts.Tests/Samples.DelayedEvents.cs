using Matrix.EventSourced.Facts.DelayedEvents;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Facts.Tests;

/// <content>Delayed events.</content>
internal static partial class Samples
{
    private static (string File, IFact Fact)[] DelayedEventSamples()
    {
        var content = RawJson.FromText("{\"body\":\"later\",\"msgtype\":\"m.text\"}");
        var scheduled = new DelayedEventChanged(
            "h2f1Qk0vW8tG3bXy5cJzPn4s", Alice, Room, "m.room.message", null, content, 5_500, 1_767_225_600_000);
        return
        [
            .. Pair(
                FactNames.DelayedEventChanged,
                scheduled with
                {
                    Type = "org.matrix.msc3401.call.member",
                    StateKey = "_@alice:example.org_DEVICE",
                    OriginServerTs = 1_767_225_000_000,
                    Finalised = new DelayedEventOutcome(
                        1_767_225_605_500, Error: RawJson.FromText("{\"errcode\":\"M_FORBIDDEN\",\"error\":\"No.\"}")),
                },
                scheduled),
        ];
    }
}
