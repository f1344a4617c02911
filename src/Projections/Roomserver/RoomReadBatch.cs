using Npgsql;

namespace Matrix.EventSourced.Projections.Roomserver;

/// <summary>Questions that are asked together; the lists and maps are filled by <see cref="ExecuteAsync"/>.</summary>
public sealed class RoomReadBatch
{
    private readonly QueryBatch _queries;
    private readonly RoomReadSql _sql;

    internal RoomReadBatch(QueryBatch queries, RoomReadSql sql) => (_queries, _sql) = (queries, sql);

    public bool IsEmpty => _queries.IsEmpty;

    public ValueTask ExecuteAsync(CancellationToken cancellationToken) => _queries.ExecuteAsync(cancellationToken);

    /// <summary>The newest PDUs of each range, in the order of the ranges: of what came in its time, not of history
    /// that was fetched.</summary>
    public List<StoredEvent> Timeline(IReadOnlyList<TimelineRange> ranges, EventFilter filter, int limit) =>
        Timeline([.. ranges.Select(TimelineStretch.Of)], filter, isBackwards: true, withHistory: false, limit);

    /// <summary>The newest (or oldest) PDUs of each stretch, in the order of the stretches.</summary>
    public List<StoredEvent> Timeline(
        IReadOnlyList<TimelineStretch> stretches, EventFilter filter, bool isBackwards, bool withHistory, int limit)
    {
        var found = new List<StoredEvent>();
        if (stretches.Count == 0)
            return found;
        _queries.Add(
            isBackwards ? _sql.TimelineBackwards : _sql.TimelineForwards,
            parameters =>
            {
                parameters.AddTexts([.. stretches.Select(stretch => stretch.RoomId)]);
                parameters.AddBigInts([.. stretches.Select(stretch => stretch.After.Anchor)]);
                parameters.AddBigInts([.. stretches.Select(stretch => stretch.After.Position)]);
                parameters.AddTexts(filter.LikeTypes);
                parameters.AddTexts(filter.LikeNotTypes);
                parameters.AddTexts(filter.Senders);
                parameters.AddTexts(filter.NotSenders);
                parameters.AddNullableBoolean(filter.ContainsUrl);
                parameters.AddBigInts([.. stretches.Select(stretch => stretch.UpTo.Anchor)]);
                parameters.AddBigInts([.. stretches.Select(stretch => stretch.UpTo.Position)]);
                parameters.AddBoolean(withHistory);
                parameters.AddInt(limit);
            },
            reader => found.Add(StoredEventReader.Read(reader)));
        return found;
    }

    /// <summary>The last PDU of each range before which something was missing when it came.</summary>
    public Dictionary<string, long> Gaps(IReadOnlyList<TimelineRange> ranges)
    {
        var found = new Dictionary<string, long>(StringComparer.Ordinal);
        if (ranges.Count > 0)
            _queries.Add(
                _sql.Gaps,
                parameters => AddRanges(parameters, ranges),
                reader => found[reader.GetString(0)] = reader.GetInt64(1));
        return found;
    }

    public List<StoredEvent> State(IReadOnlyList<StateRange> ranges)
    {
        var found = new List<StoredEvent>();
        if (ranges.Count == 0)
            return found;
        _queries.Add(
            _sql.State,
            parameters =>
            {
                parameters.AddTexts([.. ranges.Select(range => range.RoomId)]);
                parameters.AddBigInts([.. ranges.Select(range => range.At)]);
                parameters.AddBigInts([.. ranges.Select(range => range.After)]);
                parameters.AddBooleans([.. ranges.Select(range => range.WithMembers)]);
            },
            reader => found.Add(StoredEventReader.Read(reader)));
        return found;
    }

    /// <summary>State that held at the beginning of a stretch and that nothing took the place of by its end.</summary>
    public List<(string RoomId, string Type, string StateKey)> RemovedState(IReadOnlyList<TimelineRange> ranges)
    {
        var found = new List<(string, string, string)>();
        if (ranges.Count > 0)
            _queries.Add(
                _sql.RemovedState,
                parameters => AddRanges(parameters, ranges),
                reader => found.Add((reader.GetString(0), reader.GetString(1), reader.GetString(2))));
        return found;
    }

    public List<StoredEvent> StateEntries(IReadOnlyList<StateEntryAt> entries)
    {
        var found = new List<StoredEvent>();
        if (entries.Count == 0)
            return found;
        _queries.Add(
            _sql.StateEntries,
            parameters =>
            {
                parameters.AddTexts([.. entries.Select(entry => entry.RoomId)]);
                parameters.AddBigInts([.. entries.Select(entry => entry.At)]);
                parameters.AddTexts([.. entries.Select(entry => entry.Type)]);
                parameters.AddTexts([.. entries.Select(entry => entry.StateKey)]);
            },
            reader => found.Add(StoredEventReader.Read(reader)));
        return found;
    }

    internal MemberPage Members(string roomId, long at, MemberPlace after, int limit)
    {
        var page = new MemberPage();
        _queries.Add(
            _sql.Members,
            parameters =>
            {
                parameters.AddText(roomId);
                parameters.AddBigInt(at);
                parameters.AddBigInt(after.Position);
                parameters.AddText(after.StateKey);
                parameters.AddInt(limit);
            },
            reader =>
            {
                page.Events.Add(StoredEventReader.Read(reader));
                page.Last = new(reader.GetInt64(StoredEventReader.ColumnCount), page.Events[^1].StateKey!);
            });
        return page;
    }

    public List<StoredEvent> ForeignState(IReadOnlyList<TimelineRange> ranges)
    {
        var found = new List<StoredEvent>();
        if (ranges.Count > 0)
            _queries.Add(
                _sql.ForeignState,
                parameters => AddRanges(parameters, ranges),
                reader => found.Add(StoredEventReader.Read(reader)));
        return found;
    }

    public List<StoredEvent> Events(IReadOnlyCollection<string> eventIds) => ById(_sql.Events, eventIds);

    public List<StoredEvent> AcceptedEvents(IReadOnlyCollection<string> eventIds) =>
        ById(_sql.AcceptedEvents, eventIds);

    private List<StoredEvent> ById(string sql, IReadOnlyCollection<string> eventIds)
    {
        var found = new List<StoredEvent>();
        if (eventIds.Count > 0)
            _queries.Add(
                sql,
                parameters => parameters.AddTexts([.. eventIds]),
                reader => found.Add(StoredEventReader.Read(reader)));
        return found;
    }

    /// <summary>One history per room asked for, also for rooms that do not exist.</summary>
    public Dictionary<string, RoomHistory> Histories(IReadOnlyList<string> roomIds, string? userId)
    {
        var found = new Dictionary<string, RoomHistory>();
        foreach (var roomId in roomIds)
            found[roomId] = new() { UserId = userId };
        if (roomIds.Count == 0)
            return found;
        var ends = new Dictionary<(string, bool), long>();
        Action<NpgsqlParameterCollection> bind = parameters =>
        {
            parameters.AddTexts([.. roomIds]);
            parameters.AddText(userId ?? string.Empty);
        };
        _queries.Add(_sql.Histories, bind, reader => AddInterval(found, ends, reader));
        // Comes after the intervals, so it also closes those that nothing followed.
        _queries.Add(_sql.Known, bind, reader =>
        {
            var history = found[reader.GetString(0)];
            history.IsKnown = true;
            history.IsForgotten = reader.GetBoolean(1);
            history.HasGaps = reader.GetBoolean(2);
            CloseIntervals(history, reader.GetString(0), ends);
        });
        return found;
    }

    private static void AddInterval(
        Dictionary<string, RoomHistory> found, Dictionary<(string, bool), long> ends, NpgsqlDataReader reader)
    {
        var roomId = reader.GetString(0);
        var isVisibility = reader.GetBoolean(1);
        var from = reader.GetInt64(2);
        var history = found[roomId];
        if (ends.TryGetValue((roomId, isVisibility), out var end) && end < from)
            AddDefault(history, isVisibility, end);
        if (isVisibility)
            history.AddVisibility(from, RoomHistory.VisibilityOf(reader.GetFieldValue<byte[]>(5)));
        else
            history.AddMembership(from, reader.IsDBNull(4) ? Membership.Leave : (Membership)reader.GetInt16(4));
        ends[(roomId, isVisibility)] = reader.GetInt64(3);
    }

    private static void CloseIntervals(RoomHistory history, string roomId, Dictionary<(string, bool), long> ends)
    {
        foreach (var isVisibility in (ReadOnlySpan<bool>)[true, false])
        {
            if (ends.TryGetValue((roomId, isVisibility), out var end) && end != RoomserverSchema.OpenEnd)
                AddDefault(history, isVisibility, end);
        }
    }

    private static void AddDefault(RoomHistory history, bool isVisibility, long from)
    {
        if (isVisibility)
            history.AddVisibility(from, HistoryVisibility.Shared);
        else
            history.AddMembership(from, Membership.Leave);
    }

    public Dictionary<string, RoomSummary> Summaries(IReadOnlyList<string> roomIds, string userId, long at)
    {
        var found = new Dictionary<string, RoomSummary>();
        if (roomIds.Count == 0)
            return found;
        _queries.Add(
            _sql.Summaries,
            parameters =>
            {
                parameters.AddTexts([.. roomIds]);
                parameters.AddText(userId);
                parameters.AddBigInt(at);
            },
            reader =>
            {
                var heroes = reader.GetFieldValue<string[]>(3);
                if (heroes.Length == 0)
                    heroes = reader.GetFieldValue<string[]>(4);
                found[reader.GetString(0)] = new(reader.GetInt64(1), reader.GetInt64(2), heroes);
            });
        return found;
    }

    /// <summary>Those of the rooms whose member events changed within their stretch.</summary>
    public HashSet<string> MemberChanges(IReadOnlyList<TimelineRange> ranges)
    {
        var found = new HashSet<string>();
        if (ranges.Count > 0)
            _queries.Add(
                _sql.MemberChanges,
                parameters => AddRanges(parameters, ranges),
                reader => found.Add(reader.GetString(0)));
        return found;
    }

    /// <summary>The stripped state that invites and knocks came with, by event id.</summary>
    public Dictionary<string, ReadOnlyMemory<byte>> Stripped(IReadOnlyList<string> eventIds)
    {
        var found = new Dictionary<string, ReadOnlyMemory<byte>>();
        if (eventIds.Count > 0)
        {
            _queries.Add(
                _sql.Stripped,
                parameters => parameters.AddTexts([.. eventIds]),
                reader =>
                    found[reader.GetString(0)] = reader.IsDBNull(1)
                        ? "[]"u8.ToArray()
                        : reader.GetFieldValue<byte[]>(1));
        }
        return found;
    }

    public List<UserMembership> UserMemberships(string userId)
    {
        var found = new List<UserMembership>();
        _queries.Add(_sql.UserMemberships, parameters => parameters.AddText(userId), reader => found.Add(new(
            reader.GetString(0),
            (Membership)reader.GetInt16(1),
            reader.GetBoolean(2),
            reader.GetInt64(3),
            reader.GetInt64(4),
            reader.GetString(5))));
        return found;
    }

    private static void AddRanges(NpgsqlParameterCollection parameters, IReadOnlyList<TimelineRange> ranges)
    {
        parameters.AddTexts([.. ranges.Select(range => range.RoomId)]);
        parameters.AddBigInts([.. ranges.Select(range => range.After)]);
        parameters.AddBigInts([.. ranges.Select(range => range.UpTo)]);
    }
}
