using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Api.Sync;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.Relations;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Pdus;

namespace Matrix.EventSourced.Api.ClientApi.Reading;

/// <summary>GET /rooms/{roomId}/threads: the roots of a room's threads, the most recently used first.</summary>
internal static class ThreadsEndpoint
{
    public static readonly EndpointSpec Spec = new(
        "GET",
        "/_matrix/client/v1/rooms/{roomId}/threads",
        AuthKind.AccessToken,
        RateClass.Read,
        "client-server-api#get_matrixclientv1roomsroomidthreads")
    {
        GuestsAllowed = true,
    };

    public static void Map(EndpointTable table) => table.Add(Spec, HandleAsync);

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request)
    {
        var include = request.Query("include");
        if (include is not (null or "" or "all" or "participated"))
            return MatrixError.InvalidParam("include is all or participated.");
        if (!ReadingParameters.TryReadLimit(request, out var limit, out var error)
            || !ReadingParameters.TryReadToken(request, "from", out var from, out error))
        {
            return error!;
        }
        if (limit == 0)
            return MatrixError.InvalidParam("limit must be greater than zero.");
        var (access, refusal) = await RoomAccess.OpenAsync(request);
        if (refusal is not null)
            return refusal;

        var gone = request.ClientGone;
        await request.Get<IProjectionGate>().WaitForAsync(
            RelationQueries.Gate, new LogPosition((ulong)access!.Position), gone);
        var reader = await request.Get<EventBundler>().ReaderAsync(
            request.Requester.UserId, [access.RoomId.Value], access.Position, gone);
        var question = new ThreadsQuestion(access.RoomId.Value, reader, from ?? access.Position, limit + 1)
        {
            IsParticipated = include == "participated",
        };
        // One more than asked for says that there is more.
        var placed = await request.Get<IRelationQueries>().ThreadRootsAsync(question, gone);
        var hasMore = placed.Count > limit;
        if (hasMore)
            placed.RemoveAt(limit);
        var roots = await request.Get<RoomReader>().ReadPlacedAsync(placed, gone);
        var shown = roots.ConvertAll(root => reader.Ignored.Contains(root.Sender) ? WithoutContent(root) : root);
        var audience = await access.AudienceAsync(request, shown);
        return new MatrixResponse.Json(writer =>
        {
            writer.WriteStartObject();
            writer.WritePropertyName("chunk"u8);
            EventWriter.WriteArray(writer, shown, audience, access.History, withRoomId: true);
            if (hasMore)
                writer.WriteString("next_batch"u8, SyncTokens.Write(placed[^1].Position - 1));
            writer.WriteEndObject();
        });
    }

    /// <summary>The root of an ignored user: it holds the thread together, but says nothing.</summary>
    private static StoredEvent WithoutContent(StoredEvent root) => root.RedactedBy is null
        ? root.Redacted(Redaction.Redact(root.Pdu), root.EventId)
        : root;
}
