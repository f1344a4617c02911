using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Projections.Search;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.ClientApi.Reading;

/// <summary>POST /search: what was said in the rooms that the caller is or was in.</summary>
/// <remarks>Spec: v1.19 client-server-api #server-side-search. Rooms that are encrypted are not searched.</remarks>
internal static class SearchEndpoint
{
    /// <summary>LIMIT: results of one page. Ours: each comes with what stands around it.</summary>
    private const int LimitMax = 100;

    private const int LimitDefault = 10;

    private static readonly string[] RoomserverGate = [RoomserverProjection.ProjectionName];

    public static readonly EndpointSpec Spec = new(
        "POST",
        "/_matrix/client/v3/search",
        AuthKind.AccessToken,
        RateClass.Read,
        "client-server-api#post_matrixclientv3search");

    public static void Map(EndpointTable table) => table.Add(Spec, HandleAsync);

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request)
    {
        var (body, error) = await request.ReadJsonObjectAsync();
        if (error is not null)
            return error;
        SearchToken? token = null;
        if (request.Query("next_batch") is { Length: > 0 } text && !SearchToken.TryRead(text, out token))
            return MatrixError.InvalidParam("next_batch is not a token of this server.");
        var (search, problem) = SearchBody.Read(body);
        if (problem is not null)
            return problem;
        if (search is null)
            return new MatrixResponse.RawJson("""{"search_categories":{}}"""u8.ToArray());
        var answer = await AnswerAsync(request, search, token);
        return new MatrixResponse.Json(answer.Write);
    }

    private static async ValueTask<SearchAnswer> AnswerAsync(
        MatrixRequest request, SearchBody search, SearchToken? token)
    {
        var gone = request.ClientGone;
        var gate = request.Get<IProjectionGate>();
        var head = (long)(await gate.WaitForHeadAsync(RoomserverGate, gone)).Value;
        var upTo = Math.Min(token?.UpTo ?? head, head);
        await gate.WaitForAsync(SearchProjection.Gate, new LogPosition((ulong)upTo), gone);

        var rooms = await FindRoomsAsync(request, search.Filter, upTo);
        var reader = await request.Get<EventBundler>().ReaderAsync(request.Requester.UserId, rooms, upTo, gone);
        var question = new SearchQuestion(search.Term, reader.Visible)
        {
            Keys = search.Keys,
            Filter = search.Filter,
            Ignored = reader.Ignored,
            IsByRank = search.IsByRank,
            After = token?.After,
            Group = token?.Group,
            Limit = Math.Clamp(search.Filter.Limit ?? LimitDefault, 1, LimitMax),
        };
        var queries = request.Get<SearchQueries>();
        var page = await queries.FindAsync(question, gone);
        var builder = new SearchAnswerBuilder(request, search, question, upTo);
        return await builder.BuildAsync(queries, page);
    }

    /// <summary>The rooms that the caller is in or was in, without those that the filter leaves out and those that are
    /// encrypted.</summary>
    private static async ValueTask<List<string>> FindRoomsAsync(MatrixRequest request, EventFilter filter, long upTo)
    {
        var reader = request.Get<RoomReader>();
        var memberships = await reader.ReadMembershipsAsync(request.Requester.UserId.Value, request.ClientGone);
        var rooms = new List<string>();
        foreach (var membership in memberships)
        {
            var isOutside = membership.Membership is Membership.Invite or Membership.Knock;
            if (!isOutside && !membership.IsForgotten && filter.PassesRoom(membership.RoomId))
                rooms.Add(membership.RoomId);
        }
        var encrypted = await reader.ReadStateEntriesAsync(
            rooms.ConvertAll(room => new StateEntryAt(room, upTo, "m.room.encryption", string.Empty)),
            request.ClientGone);
        var left = rooms.ToHashSet();
        left.ExceptWith(encrypted.Select(stored => stored.RoomId));
        return [.. left];
    }
}
