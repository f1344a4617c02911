using Matrix.EventSourced.Projections.Roomserver;

namespace Matrix.EventSourced.Projections.Search;

/// <summary>One search, checked.</summary>
/// <remarks>
/// Shape: Visible holds the rooms that are searched; the filter's own lists of rooms are not looked at.
/// </remarks>
public sealed record SearchQuestion(string Term, VisibleStretches Visible)
{
    public string[] Keys { get; init; } = SearchText.Keys;
    public EventFilter Filter { get; init; } = EventFilter.None;
    public IReadOnlyCollection<string> Ignored { get; init; } = [];

    /// <summary>The most relevant first; else the most recent.</summary>
    public bool IsByRank { get; init; } = true;

    /// <summary>Only what comes after this one in the order asked for.</summary>
    public SearchPlace? After { get; init; }

    /// <summary>Only one group's results.</summary>
    public SearchGroup? Group { get; init; }

    public int Limit { get; init; } = 10;
}

/// <summary>A result's place in the order: its rank (0 where the order is by time), and its position in the
/// log.</summary>
public readonly record struct SearchPlace(float Rank, long Position);

/// <summary>By what results are grouped, and one value of it.</summary>
public readonly record struct SearchGroup(bool IsBySender, string Value);

/// <summary>An event that was found. Relevance: higher fits better, whatever the order.</summary>
public sealed record SearchHit(string EventId, string RoomId, string Sender, SearchPlace Place, float Relevance);

/// <summary>A page of results. Count: of all pages.</summary>
public sealed record SearchPage(List<SearchHit> Hits, long Count, bool HasMore);
