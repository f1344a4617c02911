using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.DelayedEvents;

namespace Matrix.EventSourced.Commands.DelayedEvents;

/// <summary>What the stream <c>delayedevent-…</c> says; null before it is scheduled.</summary>
public sealed record DelayedEventState(DelayedEventChanged? Event) : IAggregateState<DelayedEventState>
{
    public static DelayedEventState Initial { get; } = new((DelayedEventChanged?)null);

    public static bool LastRecordOnly => true;

    public DelayedEventState Evolve(IFact fact) => fact is DelayedEventChanged changed ? new(changed) : this;
}

/// <summary>The streams of delayed events.</summary>
public static class DelayedEventStreams
{
    /// <summary>LIMIT: how long the end of a delayed event is remembered. MSC4140 recommends seven days.</summary>
    public static readonly TimeSpan Retention = TimeSpan.FromDays(7);

    /// <summary>A client in a call restarts its event every few seconds, and each record says everything.</summary>
    public static readonly StreamMetadata WhileScheduled = new(MaxCount: 1);

    public static readonly StreamMetadata OnceFinalised = new(MaxAge: Retention, MaxCount: 1);

    public static StreamName Of(string delayId) => new(StreamCategories.DelayedEvent, delayId);
}
