using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Api.Sync;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.Relations;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.ClientApi.Reading;

/// <summary>GET /rooms/{roomId}/relations/{eventId} and its narrower forms: the events that relate to an
/// event.</summary>
/// <remarks>Spec: v1.19 client-server-api #relationships-api. Tokens are those of /sync and /messages.</remarks>
internal static class RelationsEndpoint
{
    /// <summary>LIMIT: steps from the parent with <c>recurse</c>. Spec: client-server-api
    /// #get_matrixclientv1roomsroomidrelationseventid, which asks for at least three.</summary>
    private const int RecursionDepthMax = 3;

    private static readonly MatrixError NotFound = MatrixError.NotFound(
        "There is no such event, or you may not see it.");

    public static readonly EndpointSpec All = Spec("", "");

    public static readonly EndpointSpec OfRelType = Spec("/{relType}", "reltype");

    public static readonly EndpointSpec OfEventType = Spec("/{relType}/{eventType}", "reltypeeventtype");

    public static void Map(EndpointTable table)
    {
        table.Add(All, HandleAsync);
        table.Add(OfRelType, HandleAsync);
        table.Add(OfEventType, HandleAsync);
    }

    private static EndpointSpec Spec(string path, string anchor) => new(
        "GET",
        "/_matrix/client/v1/rooms/{roomId}/relations/{eventId}" + path,
        AuthKind.AccessToken,
        RateClass.Read,
        "client-server-api#get_matrixclientv1roomsroomidrelationseventid" + anchor)
    {
        GuestsAllowed = true,
    };

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request)
    {
        var direction = request.Query("dir");
        if (direction is not (null or "" or "b" or "f"))
            return MatrixError.InvalidParam("dir is b or f.");
        if (!ReadingParameters.TryReadLimit(request, out var limit, out var error)
            || !ReadingParameters.TryReadToken(request, "from", out var from, out error)
            || !ReadingParameters.TryReadToken(request, "to", out var to, out error)
            || !ReadingParameters.TryReadFlag(request, "recurse", out var isRecursive, out error))
        {
            return error!;
        }
        var (access, refusal) = await RoomAccess.OpenAsync(request);
        if (refusal is not null)
            return refusal.Status == 403 ? NotFound : refusal;
        if (await EventEndpoint.FindVisibleAsync(request, access!) is not { } parent)
            return NotFound;

        var isBackwards = direction is not "f";
        var page = await ReadPageAsync(
            request, access!, Question(parent, isBackwards, from, to) with
            {
                RelType = request.Path("relType") is { Length: > 0 } relType ? relType : null,
                EventType = request.Path("eventType") is { Length: > 0 } eventType ? eventType : null,
                Depth = isRecursive is true ? RecursionDepthMax : 1,
                Limit = limit,
            });
        var audience = await access!.AudienceAsync(request, page.Events);
        return new MatrixResponse.Json(writer =>
        {
            writer.WriteStartObject();
            writer.WritePropertyName("chunk"u8);
            EventWriter.WriteArray(writer, page.Events, audience, access.History, withRoomId: true);
            if (page.Next is { } next)
                writer.WriteString("next_batch"u8, SyncTokens.Write(next));
            if (from is { } previous)
                writer.WriteString("prev_batch"u8, SyncTokens.Write(previous));
            if (isRecursive is not null)
                writer.WriteNumber("recursion_depth"u8, isRecursive.Value ? RecursionDepthMax : 1);
            writer.WriteEndObject();
        });
    }

    private static ChildrenQuestion Question(StoredEvent parent, bool isBackwards, long? from, long? to) => new(
        parent.RoomId, parent.EventId, null!)
    {
        IsBackwards = isBackwards,
        After = (isBackwards ? to : from) ?? 0,
        UpTo = (isBackwards ? from : to) ?? long.MaxValue,
    };

    private static async ValueTask<(List<StoredEvent> Events, long? Next)> ReadPageAsync(
        MatrixRequest request, RoomAccess access, ChildrenQuestion question)
    {
        var gone = request.ClientGone;
        await request.Get<IProjectionGate>().WaitForAsync(
            RelationQueries.Gate, new LogPosition((ulong)access.Position), gone);
        var reader = await request.Get<EventBundler>().ReaderAsync(
            request.Requester.UserId, [access.RoomId.Value], access.Position, gone);
        // One more than asked for says that there is more.
        var placed = await request.Get<IRelationQueries>().ChildrenAsync(
            question with { Reader = reader, Limit = question.Limit + 1 }, gone);
        var hasMore = placed.Count > question.Limit;
        if (hasMore)
            placed.RemoveAt(placed.Count - 1);
        var events = await request.Get<RoomReader>().ReadPlacedAsync(placed, gone);
        long? next = hasMore && placed.Count > 0
            ? question.IsBackwards ? placed[^1].Position - 1 : placed[^1].Position
            : null;
        return (events, next);
    }
}
