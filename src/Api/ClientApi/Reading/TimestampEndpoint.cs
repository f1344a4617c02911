using System.Globalization;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Protocol.Errors;

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
        var roomId = access!.RoomId.Value;
        var visible = await request.Get<VisibleStretchReader>().ReadAsync(
            [roomId], request.Requester.UserId.Value, access.Position, request.ClientGone);
        var found = await request.Get<RoomQuestions>().FindNearestAsync(
            roomId, timestampMs, direction == "b", visible, request.ClientGone);
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
}
