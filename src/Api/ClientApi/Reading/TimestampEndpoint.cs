using System.Globalization;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Federation.RemoteRooms;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Api.ClientApi.Reading;

/// <summary>GET /rooms/{roomId}/timestamp_to_event: the event nearest to a moment, on one side of it.</summary>
internal static class TimestampEndpoint
{
    public static readonly EndpointSpec Spec = new(
        "GET",
        "/_matrix/client/v1/rooms/{roomId}/timestamp_to_event",
        AuthKind.AccessToken,
        RateClass.Read,
        "client-server-api#get_matrixclientv1roomsroomidtimestamp_to_event")
    {
        GuestsAllowed = true,
    };

    /// <summary>LIMIT: pages of history that one request fetches. Ours: a thousand events; the client waits.</summary>
    private const int PagesMax = 10;

    private const int PageLength = 100;

    public static void Map(EndpointTable table) => table.Add(Spec, HandleAsync);

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request)
    {
        var (ts, direction) = (request.Query("ts"), request.Query("dir"));
        if (string.IsNullOrEmpty(ts) || string.IsNullOrEmpty(direction))
            return MatrixError.MissingParam("ts and dir are needed.");
        if (!long.TryParse(ts, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var timestampMs))
            return MatrixError.InvalidParam("ts must be a whole number of milliseconds.");
        if (direction is not ("b" or "f"))
            return MatrixError.InvalidParam("dir is b or f.");
        var (access, refusal) = await RoomAccess.OpenAsync(request);
        if (refusal is not null)
            return refusal;
        if (access!.History.IsJoined)
            await FetchHistoryAsync(request, access.RoomId, timestampMs);
        var roomId = access.RoomId.Value;
        var visible = await request.Get<VisibleStretchReader>().ReadAsync(
            [roomId], request.Requester.UserId.Value, access.Position, request.ClientGone);
        var found = await request.Get<RoomQuestions>().FindNearestAsync(
            roomId, timestampMs, direction == "b", visible, access.History.WasJoined, request.ClientGone);
        if (found is null)
            return MatrixError.NotFound($"There is no event {(direction == "b" ? "before" : "after")} that moment.");
        return new MatrixResponse.Json(writer =>
        {
            writer.WriteStartObject();
            writer.WriteString("event_id"u8, found.EventId);
            writer.WriteNumber("origin_server_ts"u8, found.OriginServerTs);
            writer.WriteEndObject();
        });
    }

    /// <summary>Until what is here reaches back to the moment, what is nearest to it may be on another server: its
    /// history is fetched, so that the client can read around the event that it is told of.</summary>
    private static async ValueTask FetchHistoryAsync(MatrixRequest request, RoomId roomId, long timestampMs)
    {
        var (graph, backfill) = (request.Get<RoomGraphQueries>(), request.Get<IBackfill>());
        for (var page = 0; ; page++)
        {
            if (await graph.FindNearestAsync(roomId, timestampMs, isForwards: false, request.ClientGone) is not null
                || page == PagesMax
                || !await backfill.FetchAsync(request.CommandContext(), roomId, PageLength, request.ClientGone))
                return;
        }
    }
}
