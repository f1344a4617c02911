using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Projections.Relations;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Projections.Search;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Api.ClientApi.Reading;

/// <summary>Reads what a page of a search shows: the events, what stands around them, state and groups.</summary>
internal sealed class SearchAnswerBuilder(
    MatrixRequest request, SearchBody search, SearchQuestion question, long upTo)
{
    private readonly RoomReader _reader = request.Get<RoomReader>();
    private readonly Dictionary<string, RoomAccess> _rooms = [];

    public async ValueTask<SearchAnswer> BuildAsync(SearchQueries queries, SearchPage page)
    {
        var gone = request.ClientGone;
        var events = await _reader.ReadPlacedAsync(
            page.Hits.ConvertAll(hit => new PlacedEvent(hit.EventId, hit.Place.Position)), gone);
        await OpenRoomsAsync(events);
        var idToHit = page.Hits.ToDictionary(hit => hit.EventId);
        var results = new List<SearchResult>(events.Count);
        foreach (var stored in events)
        {
            var around = search.Context is null ? null : await ReadAroundAsync(stored, search.Context);
            results.Add(new(idToHit[stored.EventId], stored, _rooms[stored.RoomId].History, around));
        }
        var texts = events.Select(stored => SearchText.Find(stored.Pdu)?.Text).OfType<string>().ToList();
        var audience = await request.Get<EventBundler>().BundleAsync(
            RoomAccess.Audience(request), events, upTo, gone);
        return new(audience, page.Count)
        {
            Highlights = await queries.HighlightsAsync(search.Term, texts, gone),
            Results = results,
            Groupings = await GroupAsync(queries, page),
            NextBatch = page.HasMore ? new SearchToken(upTo, page.Hits[^1].Place, question.Group).Write() : null,
            Rooms = search.IncludesState ? await ReadStateAsync() : null,
        };
    }

    private async ValueTask OpenRoomsAsync(List<StoredEvent> events)
    {
        var batch = _reader.Begin();
        var rooms = events.Select(stored => stored.RoomId).Distinct().ToList();
        var histories = batch.Histories(rooms, request.Requester.UserId.Value);
        await batch.ExecuteAsync(request.ClientGone);
        foreach (var room in rooms)
            _rooms[room] = new(RoomId.Parse(room), histories[room], upTo);
    }

    private async ValueTask<SearchSurroundings> ReadAroundAsync(StoredEvent stored, SearchContext context)
    {
        var access = _rooms[stored.RoomId];
        var pager = new TimelinePager(_reader, access, EventFilter.None);
        var before = await pager.ReadAsync(
            true, TimelinePlace.Before(stored), null, context.Before, request.ClientGone);
        var after = await pager.ReadAsync(
            false, TimelinePlace.After(stored), null, context.After, request.ClientGone);
        var oldest = before.Events.Count > 0 ? before.Events[^1] : stored;
        var newest = after.Events.Count > 0 ? after.Events[^1] : stored;
        var senders = context.IncludesProfile
            ? await LazyMemberReader.ReadAsync(
                _reader, access, [.. before.Events, stored, .. after.Events], request.ClientGone)
            : null;
        return new(
            before.Events, after.Events, TimelinePlace.Before(oldest), TimelinePlace.After(newest), senders);
    }

    private async ValueTask<Dictionary<string, (RoomHistory, IReadOnlyList<StoredEvent>)>> ReadStateAsync()
    {
        var found = new Dictionary<string, (RoomHistory, IReadOnlyList<StoredEvent>)>();
        foreach (var (room, access) in _rooms)
        {
            var range = new StateRange(room, access.StateAt, 0, WithMembers: true);
            found[room] = (access.History, await _reader.ReadStateAsync(range, request.ClientGone));
        }
        return found;
    }

    private async ValueTask<List<SearchGrouping>> GroupAsync(SearchQueries queries, SearchPage page)
    {
        var groupings = new List<SearchGrouping>();
        if (search.IsGroupedByRoom)
            groupings.Add(await GroupAsync(queries, page, isBySender: false));
        if (search.IsGroupedBySender)
            groupings.Add(await GroupAsync(queries, page, isBySender: true));
        return groupings;
    }

    private async ValueTask<SearchGrouping> GroupAsync(SearchQueries queries, SearchPage page, bool isBySender)
    {
        var groups = page.Hits.GroupBy(hit => isBySender ? hit.Sender : hit.RoomId).ToList();
        var more = await queries.GroupsWithMoreAsync(
            question, isBySender, groups.ToDictionary(group => group.Key, LastOf), request.ClientGone);
        var results = groups.ConvertAll(group => new SearchGroupResults(
            group.Key,
            [.. group.Select(hit => hit.EventId)],
            more.Contains(group.Key)
                ? new SearchToken(upTo, LastOf(group), new SearchGroup(isBySender, group.Key)).Write()
                : null));
        return new(isBySender, results);
    }

    private static SearchPlace LastOf(IGrouping<string, SearchHit> group) => group.Last().Place;
}
