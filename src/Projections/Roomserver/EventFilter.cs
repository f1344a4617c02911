namespace Matrix.EventSourced.Projections.Roomserver;

/// <summary>Which events a reader wants: the spec's EventFilter and RoomEventFilter.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #filtering. Shape: null lists let everything through; <c>*</c> in a type stands for
/// any characters.
/// The same filter runs in SQL (<see cref="LikeTypes"/>) and over events in memory (<see cref="Passes"/>), with the
/// same answer.
/// </remarks>
public sealed record EventFilter
{
    public static readonly EventFilter None = new();

    public int? Limit { get; init; }
    public string[]? Types { get; init; }
    public string[]? NotTypes { get; init; }
    public string[]? Senders { get; init; }
    public string[]? NotSenders { get; init; }
    public string[]? Rooms { get; init; }
    public string[]? NotRooms { get; init; }
    public bool? ContainsUrl { get; init; }
    public bool LazyLoadMembers { get; init; }
    public bool IncludeRedundantMembers { get; init; }

    /// <summary>Whether there are events of a room that do not pass.</summary>
    public bool IsSelective =>
        (Types ?? NotTypes ?? Senders ?? NotSenders) is not null || ContainsUrl is not null;

    internal string[]? LikeTypes => ToLike(Types);
    internal string[]? LikeNotTypes => ToLike(NotTypes);

    public bool PassesRoom(string roomId) =>
        (Rooms is null || Array.IndexOf(Rooms, roomId) >= 0) && (
            NotRooms is null || Array.IndexOf(NotRooms, roomId) < 0);

    public bool Passes(StoredEvent stored) =>
        PassesType(stored.Type)
        && (Senders is null || Array.IndexOf(Senders, stored.Sender) >= 0)
        && (NotSenders is null || Array.IndexOf(NotSenders, stored.Sender) < 0)
        && (ContainsUrl is null || ContainsUrl == stored.HasUrl);

    /// <summary>For what has a type and no sender: account data.</summary>
    public bool PassesType(string type) =>
        (Types is null || Matches(Types, type)) && (NotTypes is null || !Matches(NotTypes, type));

    private static bool Matches(string[] patterns, string type)
    {
        foreach (var pattern in patterns)
        {
            if (Matches(pattern, type))
                return true;
        }
        return false;
    }

    /// <summary>Glob with <c>*</c> only, without recursion: a pattern of many stars must stay cheap.</summary>
    private static bool Matches(ReadOnlySpan<char> pattern, ReadOnlySpan<char> text)
    {
        var (at, star, mark) = (0, -1, 0);
        var position = 0;
        while (position < text.Length)
        {
            if (at < pattern.Length && pattern[at] == '*')
                (star, mark, at) = (at, position, at + 1);
            else if (at < pattern.Length && pattern[at] == text[position])
                (at, position) = (at + 1, position + 1);
            else if (star >= 0)
                (at, mark, position) = (star + 1, mark + 1, mark + 1);
            else
                return false;
        }
        while (at < pattern.Length && pattern[at] == '*')
            at++;
        return at == pattern.Length;
    }

    private static string[]? ToLike(string[]? patterns)
    {
        if (patterns is null)
            return null;
        var likes = new string[patterns.Length];
        for (var index = 0; index < likes.Length; index++)
        {
            likes[index] = patterns[index]
                .Replace("\\", "\\\\", StringComparison.Ordinal)
                .Replace("%", "\\%", StringComparison.Ordinal)
                .Replace("_", "\\_", StringComparison.Ordinal)
                .Replace('*', '%');
        }
        return likes;
    }
}
