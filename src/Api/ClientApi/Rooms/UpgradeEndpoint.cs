using System.Collections.Immutable;
using System.Text.Json;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.Roomserver.Perform;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.ClientApi.Rooms;

/// <summary>Replaces a room by one of another version.</summary>
internal static class UpgradeEndpoint
{
    public static readonly EndpointSpec Spec = new(
        "POST",
        "/_matrix/client/v3/rooms/{roomId}/upgrade",
        AuthKind.AccessToken,
        RateClass.RoomCreation,
        "client-server-api#post_matrixclientv3roomsroomidupgrade");

    public static void Map(EndpointTable table) => table.Add(Spec, HandleAsync);

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request)
    {
        if (!request.TryGetRoom(out var roomId, out var noRoom))
            return noRoom;
        var (body, error) = await request.ReadJsonObjectAsync();
        if (error is not null)
            return error;
        if (body.TryGetString("new_version", out var version) is { } badVersion)
            return badVersion;
        if (version is null)
            return MatrixError.MissingParam("'new_version' is missing.");
        var creators = ImmutableArray<string>.Empty;
        if (body.TryGetProperty("additional_creators"u8, out var given) && given.ValueKind != JsonValueKind.Null)
        {
            if (given.ValueKind != JsonValueKind.Array
                || given.EnumerateArray().Any(user => user.ValueKind != JsonValueKind.String))
                return MatrixError.BadJson("'additional_creators' must be an array of user ids.");
            creators = [.. given.EnumerateArray().Select(user => user.GetString()!)];
        }
        var command = new UpgradeRoom(
            request.CommandContext(), roomId, request.Requester.UserId, version, creators);
        return (await request.SendAsync(command)).ToResponse(static successor =>
            (MatrixResponse)new MatrixResponse.Json(json =>
            {
                json.WriteStartObject();
                json.WriteString("replacement_room"u8, successor.Value);
                json.WriteEndObject();
            }));
    }
}
