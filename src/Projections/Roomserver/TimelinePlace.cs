namespace Matrix.EventSourced.Projections.Roomserver;

/// <summary>A place between two PDUs of a room's timeline: everything up to it is before it.</summary>
/// <remarks>
/// <code>
///   anchor 7          anchor 9                          anchor 12
///   ── 7 ──────────── -31  -30  -29  9 ──────────────── 12 ──
///                     └ history that leads to 9 ┘
/// </code>
/// A PDU that came in its time is its own anchor: its log position. History that was fetched stands right before the
/// PDU that led to it, what was fetched later before what was fetched earlier (its positions are negative).
/// Shape: Position is <see cref="long.MaxValue"/> after all that belongs to the anchor, else that of the newest PDU
/// of the history before the place; 0 after all of the history, before the anchor itself.
/// </remarks>
public readonly record struct TimelinePlace(long Anchor, long Position)
{
    /// <summary>The anchor of history of which nobody knows what led to it: before everything.</summary>
    public const long FirstAnchor = 1;

    /// <summary>Before all there is.</summary>
    public static readonly TimelinePlace Start = After(0);

    public static TimelinePlace After(long logPosition) => new(logPosition, long.MaxValue);

    public static TimelinePlace After(StoredEvent stored) =>
        stored.Position > 0 ? After(stored.Position) : new(stored.Anchor, stored.Position);

    /// <summary>Right before a PDU, and after the history that leads to it.</summary>
    public static TimelinePlace Before(StoredEvent stored) =>
        new(stored.Anchor, stored.Position > 0 ? 0 : stored.Position - 1);

    /// <summary>The log position whose state holds here.</summary>
    public long LogPosition => Position == long.MaxValue ? Anchor : Anchor - 1;

    public static TimelinePlace Earlier(TimelinePlace one, TimelinePlace other) =>
        (one.Anchor, one.Position).CompareTo((other.Anchor, other.Position)) <= 0 ? one : other;
}

/// <summary>A stretch of a room's timeline. Shape: After exclusive, UpTo inclusive.</summary>
public readonly record struct TimelineStretch(string RoomId, TimelinePlace After, TimelinePlace UpTo)
{
    public static TimelineStretch Of(TimelineRange range) =>
        new(range.RoomId, TimelinePlace.After(range.After), TimelinePlace.After(range.UpTo));
}
