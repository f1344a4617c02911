using System.Text.Json;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Api.Sync;
using Matrix.EventSourced.Federation.RemoteRooms;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.ClientApi.Reading;

/// <summary>GET /rooms/{roomId}/messages: a page of a room's history.</summary>
internal static class MessagesEndpoint
{
    public static readonly EndpointSpec Spec = new(
        "GET",
        "/_matrix/client/v3/rooms/{roomId}/messages",
        AuthKind.AccessToken,
        RateClass.Read,
        "client-server-api#get_matrixclientv3roomsroomidmessages")
    {
        GuestsAllowed = true,
    };

    /// <summary>LIMIT: gaps that are filled for one page. Ours: the reader waits; the next page goes on.</summary>
    private const int FetchesMax = 3;

    public static void Map(EndpointTable table) => table.Add(Spec, HandleAsync);

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request)
    {
        var direction = request.Query("dir");
        if (direction is null)
            return MatrixError.MissingParam("dir is needed: b or f.");
        if (direction is not ("b" or "f"))
            return MatrixError.InvalidParam("dir is b or f.");
        var (filter, error) = await RoomFilter.ReadAsync(request);
        if (error is not null
            || !ReadingParameters.TryReadLimit(
                request, out var limit, out error, filter.Events.Limit ?? ReadingParameters.LimitDefault)
            || !ReadingParameters.TryReadPlace(request, "from", out var from, out error)
            || !ReadingParameters.TryReadPlace(request, "to", out var to, out error))
        {
            return error!;
        }
        var (access, refusal) = await RoomAccess.OpenAsync(request);
        if (refusal is not null)
            return refusal;

        var isBackwards = direction == "b";
        var start = from ?? (isBackwards ? TimelinePlace.After(access!.Position) : TimelinePlace.Start);
        var reader = request.Get<RoomReader>();
        var pager = new TimelinePager(reader, access!, filter.Events, RelatedBy.Of(request, access!, filter));
        var page = await pager.ReadAsync(isBackwards, start, to, limit, request.ClientGone);
        var mayFetch = isBackwards && limit > 0 && access!.History is { IsJoined: true, HasGaps: true };
        for (var fetch = 0; mayFetch && fetch < FetchesMax; fetch++)
        {
            // Where something is missing between two events, or at the end of what is here, other servers may know
            // more.
            var read = new TimelineStretch(access!.RoomId.Value, page.Next ?? to ?? TimelinePlace.Start, start);
            if (!await request.Get<IBackfill>().FetchGapAsync(
                request.CommandContext(), access.RoomId, read, limit, request.ClientGone))
                break;
            await request.Get<IProjectionGate>().WaitForHeadAsync(
                new[] { RoomserverProjection.ProjectionName }, request.ClientGone);
            page = await pager.ReadAsync(isBackwards, start, to, limit, request.ClientGone);
        }
        var members = filter.Events.LazyLoadMembers
            ? await LazyMemberReader.ReadAsync(reader, access!, page.Events, request.ClientGone)
            : [];
        var audience = await access!.AudienceAsync(request, page.Events);
        return new MatrixResponse.Json(writer =>
        {
            writer.WriteStartObject();
            writer.WriteString("start"u8, SyncTokens.Write(start));
            if (page.Next is { } next)
                writer.WriteString("end"u8, SyncTokens.Write(next));
            writer.WritePropertyName("chunk"u8);
            EventWriter.WriteArray(writer, page.Events, audience, access.History, withRoomId: true);
            if (members.Count > 0)
            {
                writer.WritePropertyName("state"u8);
                EventWriter.WriteArray(writer, members, audience, access.History, withRoomId: true);
            }
            writer.WriteEndObject();
        });
    }
}
