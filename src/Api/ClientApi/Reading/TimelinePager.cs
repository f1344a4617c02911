using Matrix.EventSourced.Projections.Roomserver;

namespace Matrix.EventSourced.Api.ClientApi.Reading;

/// <summary>Some visible events of a room in one direction, and where to go on (null at the end).</summary>
internal sealed record TimelinePage(List<StoredEvent> Events, TimelinePlace? Next);

/// <summary>Walks a room's timeline and shows what the reader may see.</summary>
/// <remarks>Backwards from a place: what is before it, newest first; forwards: what is after it.</remarks>
internal sealed class TimelinePager(
    RoomReader reader, RoomAccess access, EventFilter filter, RelatedBy? relatedBy = null)
{
    /// <summary>LIMIT: reads of one page. Ours: a reader who may see little of a long room gets short pages instead of
    /// a long wait.</summary>
    private const int ReadsMax = 10;

    private const int ReadSizeMin = 20;

    public async ValueTask<TimelinePage> ReadAsync(
        bool isBackwards, TimelinePlace from, TimelinePlace? to, int limit, CancellationToken cancellationToken)
    {
        var events = new List<StoredEvent>();
        var end = TimelinePlace.After(access.NewestVisible);
        var newest = TimelinePlace.Earlier(isBackwards ? from : to ?? end, end);
        var oldest = isBackwards ? to ?? TimelinePlace.Start : from;
        if (limit == 0 || !filter.PassesRoom(access.RoomId.Value))
            return new(events, null);
        for (var read = 0; read < ReadsMax; read++)
        {
            var size = Math.Max(ReadSizeMin, limit - events.Count + 1);
            var stretch = new TimelineStretch(access.RoomId.Value, oldest, newest);
            var page = await reader.ReadTimelineAsync(stretch, filter, isBackwards, size, cancellationToken);
            var related = relatedBy is null ? null : await relatedBy.FindAsync(page, cancellationToken);
            for (var index = 0; index < page.Count; index++)
            {
                var stored = page[index];
                if (!access.History.CanSee(stored) || related?.Contains(stored.EventId) == false)
                    continue;
                // One more than asked for says that there is more.
                if (events.Count == limit)
                    return new(events, Beyond(events[^1], isBackwards));
                events.Add(stored);
            }
            if (page.Count < size)
                return new(events, null);
            if (isBackwards)
                newest = Beyond(page[^1], isBackwards);
            else
                oldest = Beyond(page[^1], isBackwards);
        }
        return new(events, isBackwards ? newest : oldest);
    }

    private static TimelinePlace Beyond(StoredEvent stored, bool isBackwards) =>
        isBackwards ? TimelinePlace.Before(stored) : TimelinePlace.After(stored);
}
