using System.Globalization;
using System.Text.Json;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Api.Sync;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.Push;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.ClientApi.Reading;

/// <summary>GET /notifications: what the user has been notified of, newest first.</summary>
/// <remarks>Spec: v1.19 client-server-api #listing-notifications. Tokens are log positions.</remarks>
internal static class NotificationsEndpoint
{
    /// <summary>LIMIT: notifications of one page. Ours: each comes with its event.</summary>
    private const int LimitMax = 100;

    private const int LimitDefault = 20;

    public static readonly EndpointSpec Spec = new(
        "GET",
        "/_matrix/client/v3/notifications",
        AuthKind.AccessToken,
        RateClass.Read,
        "client-server-api#get_matrixclientv3notifications");

    public static void Map(EndpointTable table) => table.Add(Spec, HandleAsync);

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request)
    {
        var before = long.MaxValue;
        if (request.Query("from") is { Length: > 0 } from
            && !long.TryParse(from, NumberStyles.None, CultureInfo.InvariantCulture, out before))
        {
            return MatrixError.InvalidParam("from is not a token of this server.");
        }
        if (!ReadingParameters.TryReadLimit(request, out var limit, out var error, LimitDefault))
            return error!;
        limit = Math.Clamp(limit, 1, LimitMax);
        var gone = request.ClientGone;
        var user = request.Requester.UserId;
        var position = (long)(await request.Get<IProjectionGate>().WaitForHeadAsync(PushProjection.Gate, gone)).Value;
        var ignored = await request.Get<IgnoredUsers>().OfAsync(user, gone);
        // One more than asked for says that there is more.
        var found = await request.Get<PushQueries>().ListAsync(
            new NotificationsQuestion(user.Value, ignored)
            {
                Before = before,
                OnlyHighlights = request.Query("only") == "highlight",
                Limit = limit + 1,
            },
            gone);
        var next = found.Count > limit ? found[limit - 1].Position : (long?)null;
        if (next is not null)
            found.RemoveAt(limit);
        var batch = request.Get<RoomReader>().Begin();
        var events = batch.Events(found.ConvertAll(notification => notification.EventId));
        await batch.ExecuteAsync(gone);
        var audience = await request.Get<EventBundler>().BundleAsync(
            new EventAudience(
                user.Value,
                request.Requester.DeviceId,
                request.Get<TimeProvider>().GetUtcNow().ToUnixTimeMilliseconds()),
            events,
            position,
            gone);
        var idToEvent = events.ToDictionary(stored => stored.EventId);
        return new MatrixResponse.Json(writer => Write(writer, found, next, idToEvent, audience));
    }

    private static void Write(
        Utf8JsonWriter writer,
        List<Notification> found,
        long? next,
        Dictionary<string, StoredEvent> idToEvent,
        EventAudience audience)
    {
        writer.WriteStartObject();
        if (next is { } token)
            writer.WriteString("next_token"u8, token.ToString(CultureInfo.InvariantCulture));
        writer.WriteStartArray("notifications"u8);
        foreach (var notification in found)
        {
            // The tables of rooms may be ahead, and the event redacted meanwhile: it is shown as it is now.
            if (!idToEvent.TryGetValue(notification.EventId, out var stored))
                continue;
            writer.WriteStartObject();
            writer.WritePropertyName("actions"u8);
            writer.WriteRawValue(notification.ActionsJson);
            writer.WritePropertyName("event"u8);
            EventWriter.Write(writer, stored, audience, null, withRoomId: false);
            writer.WriteBoolean("read"u8, notification.IsRead);
            writer.WriteString("room_id"u8, notification.RoomId);
            writer.WriteNumber("ts"u8, notification.Ts);
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
        writer.WriteEndObject();
    }
}
