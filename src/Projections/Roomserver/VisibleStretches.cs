using Npgsql;

namespace Matrix.EventSourced.Projections.Roomserver;

/// <summary>Which parts of some rooms' timelines one reader may see, so that SQL can say it of any number of
/// rows.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #room-history-visibility. Shape: parallel columns, a row per stretch: After exclusive,
/// UpTo inclusive, log positions.
/// Says of a message what <see cref="RoomHistory.CanSee"/> says of it. Events that their own content opens (a change of
/// the visibility, the reader's own membership) are not told apart: where those matter, ask the history.
/// </remarks>
public sealed class VisibleStretches
{
    private readonly List<TimelineRange> _ranges = [];

    /// <summary>The stretches, room by room in ascending order.</summary>
    public IReadOnlyList<TimelineRange> Ranges => _ranges;

    /// <summary>A condition over columns <c>room_id</c> and <c>position</c> of a table; its three parameters begin at
    /// <c>$first</c>.</summary>
    internal static string Condition(string table, int first) =>
        $"""
        EXISTS (SELECT FROM unnest(${first}::text[], ${first + 1}::bigint[], ${first + 2}::bigint[])
                AS v (room_id, after, up_to)
            WHERE v.room_id = {table}.room_id AND {table}.position > v.after AND {table}.position <= v.up_to)
        """;

    internal void AddTo(NpgsqlParameterCollection parameters)
    {
        parameters.AddTexts([.. _ranges.Select(range => range.RoomId)]);
        parameters.AddBigInts([.. _ranges.Select(range => range.After)]);
        parameters.AddBigInts([.. _ranges.Select(range => range.UpTo)]);
    }

    /// <summary>Between two changes of what decides visibility a room is seen wholly or not at all.</summary>
    internal void Add(string roomId, RoomHistory history, SortedSet<long> changes, long upTo)
    {
        var after = 0L;
        foreach (var change in changes.Append(upTo))
        {
            var end = Math.Min(change, upTo);
            if (end <= after)
                continue;
            if (history.CanSee(MessageAt(roomId, end)))
                AddOrExtend(new(roomId, after, end));
            after = end;
        }
    }

    private void AddOrExtend(TimelineRange range)
    {
        if (_ranges.Count > 0 && _ranges[^1].RoomId == range.RoomId && _ranges[^1].UpTo == range.After)
            _ranges[^1] = _ranges[^1] with { UpTo = range.UpTo };
        else
            _ranges.Add(range);
    }

    private static StoredEvent MessageAt(string roomId, long position) => new()
    {
        RoomId = roomId,
        EventId = string.Empty,
        RoomVersion = string.Empty,
        Position = position,
        Type = "m.room.message",
        Sender = string.Empty,
        OriginServerTs = 0,
        HasUrl = false,
        Json = default,
    };
}
