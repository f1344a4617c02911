namespace Matrix.EventSourced.Projections.Roomserver;

/// <summary>The place of a member event among those of a room's state: since when it is the state, and whose it
/// is.</summary>
internal readonly record struct MemberPlace(long Position, string StateKey)
{
    public static readonly MemberPlace First = new(long.MinValue, string.Empty);
}

/// <summary>Some member events of a room, in the order of their places.</summary>
internal sealed class MemberPage
{
    /// <summary>LIMIT: member events of one page. Ours: about a megabyte.</summary>
    public const int Length = 2_000;

    public List<StoredEvent> Events { get; } = [];

    public MemberPlace Last { get; set; }
}
