using Matrix.EventSourced.Projections.Roomserver;

namespace Matrix.EventSourced.Projections.Relations;

/// <summary>Which children of an event are asked for.</summary>
/// <remarks>
/// Units: After exclusive, UpTo inclusive, log positions. Shape: Depth 1 asks for direct children only; RelType and
/// EventType null let all through, and hold for every step from the parent to a child.
/// </remarks>
public sealed record ChildrenQuestion(string RoomId, string ParentId, RelationReader Reader)
{
    public string? RelType { get; init; }
    public string? EventType { get; init; }
    public long After { get; init; }
    public long UpTo { get; init; } = long.MaxValue;
    public bool IsBackwards { get; init; }
    public int Depth { get; init; } = 1;
    public int Limit { get; init; }
}

/// <summary>Which threads of a room are asked for: those whose latest event is at UpTo or before.</summary>
public sealed record ThreadsQuestion(string RoomId, RelationReader Reader, long UpTo, int Limit)
{
    /// <summary>Only threads that the reader began or wrote in.</summary>
    public bool IsParticipated { get; init; }
}

/// <summary>An event and its place: a child's own, a thread root's latest event's.</summary>
public readonly record struct PlacedEvent(string EventId, long Position);

/// <summary>What the relations endpoints ask.</summary>
/// <remarks>Requires: the caller went through the gate of this projection and the Roomserver's.</remarks>
public interface IRelationQueries
{
    /// <summary>The children in the order asked for; newest first when backwards.</summary>
    ValueTask<List<PlacedEvent>> ChildrenAsync(ChildrenQuestion question, CancellationToken cancellationToken);

    /// <summary>The roots of a room's threads, the thread with the newest event first.</summary>
    ValueTask<List<PlacedEvent>> ThreadRootsAsync(ThreadsQuestion question, CancellationToken cancellationToken);

    /// <summary>Those of the events that have a child which one of the users sent, or of one of the types.</summary>
    ValueTask<HashSet<string>> RelatedByAsync(
        IReadOnlyCollection<string> eventIds,
        IReadOnlyCollection<string>? senders,
        IReadOnlyCollection<string>? relTypes,
        VisibleStretches visible,
        CancellationToken cancellationToken);
}

/// <summary>What sending an event asks of the relations that are there.</summary>
/// <remarks>Ensures: sees every relation whose append returned before the call: it waits at the gate first.</remarks>
public interface ISentRelations
{
    /// <summary>Whether the sender has annotated the event like this before, and not taken it back.</summary>
    ValueTask<bool> HasAnnotationAsync(
        string roomId, string sender, string eventType, Relation annotation, CancellationToken cancellationToken);

    /// <summary>Whether the event relates to another one itself.</summary>
    ValueTask<bool> IsRelationAsync(string eventId, CancellationToken cancellationToken);
}
