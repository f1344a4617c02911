using System.Text.Json;
using Matrix.EventSourced.Api.ClientApi.Rooms;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.DelayedEvents;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.ClientApi.DelayedEvents;

/// <summary>Schedules an event to be sent later (MSC4140).</summary>
internal static class ScheduleEndpoint
{
    public static readonly EndpointSpec Spec = new(
        "PUT",
        "/_matrix/client/v3/rooms/{roomId}/delayed_event/{eventType}/{txnId}",
        AuthKind.AccessToken,
        RateClass.Message,
        "none#MSC4140")
    {
        ForbiddenWhileSuspended = true,
        GuestsAllowed = true,
        Aliases =
        [
            "/_matrix/client/unstable/org.matrix.msc4140/rooms/{roomId}/delayed_event/{eventType}/{txnId}",
        ],
    };

    public static void Map(EndpointTable table) => table.Add(Spec, HandleAsync);

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request)
    {
        var type = request.Path("eventType");
        if (!request.TryGetRoom(out var roomId, out var noRoom))
            return noRoom;
        if (!request.TryGetTransaction($"delayed_event/{type}", out var transaction, out var noTransaction))
            return noTransaction;
        if (request.TryGetTimestamp(out var originServerTs) is { } badTime)
            return badTime;
        var (body, error) = await request.ReadJsonObjectAsync();
        if (error is not null)
            return error;
        if (!body.TryGetProperty("delay_ms", out var delay))
            return MatrixError.MissingParam("'delay_ms' is needed.");
        if (delay.ValueKind != JsonValueKind.Number || !delay.TryGetInt64(out var delayMs) || delayMs <= 0)
            return MatrixError.InvalidParam("'delay_ms' must be a positive whole number.");
        if (!body.TryGetProperty("content", out var content))
            return MatrixError.MissingParam("'content' is needed.");
        if (body.TryGetString("state_key", out var stateKey) is { } badKey)
            return badKey;
        var requester = request.Requester;
        return (await request.SendAsync(new ScheduleDelayedEvent(
            request.CommandContext(), roomId, requester.UserId, type, stateKey, content, delayMs, transaction)
        {
            OriginServerTs = originServerTs,
        })).ToDelayId();
    }

    internal static MatrixResponse ToDelayId(this CommandResult<string> result) => result.ToResponse(static delayId =>
        (MatrixResponse)new MatrixResponse.Json(json =>
        {
            json.WriteStartObject();
            json.WriteString("delay_id"u8, delayId);
            json.WriteEndObject();
        }));
}
