using System.Text.Json;
using Matrix.EventSourced.Api.ClientApi.Account;
using Matrix.EventSourced.Api.ClientApi.Rooms;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.EduServer;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.ClientApi.Ephemeral;

/// <summary>Says that a user types in a room, or does not any more.</summary>
internal static class TypingEndpoint
{
    public static readonly EndpointSpec Spec = new(
        "PUT",
        "/_matrix/client/v3/rooms/{roomId}/typing/{userId}",
        AuthKind.AccessToken,
        RateClass.Message,
        "client-server-api#put_matrixclientv3roomsroomidtypinguserid");

    public static void Map(EndpointTable table) => table.Add(Spec, HandleAsync);

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request)
    {
        if (!request.TryGetRoom(out var roomId, out var noRoom))
            return noRoom;
        if (request.TryGetSelf(out var userId) is { } notSelf)
            return notSelf;
        var (body, error) = await request.ReadJsonObjectAsync();
        if (error is not null)
            return error;
        if (!body.TryGetProperty("typing"u8, out var typing))
            return MatrixError.MissingParam("typing is missing.");
        if (typing.ValueKind is not (JsonValueKind.True or JsonValueKind.False))
            return MatrixError.BadJson("typing must be true or false.");
        long timeoutMs = Limits.TypingMsDefault;
        if (body.TryGetProperty("timeout"u8, out var timeout) && timeout.ValueKind != JsonValueKind.Null
            && !(timeout.ValueKind == JsonValueKind.Number && timeout.TryGetInt64(out timeoutMs)))
            return MatrixError.BadJson("timeout must be a whole number of milliseconds.");
        return (await RoomRequests.SendAsync(request, new SetTyping(
            request.CommandContext(), roomId, userId, typing.GetBoolean(), timeoutMs))).ToEmpty();
    }
}
