using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.PublicRooms;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.ClientApi.Rooms;

/// <summary>Lists a room in the public directory, or takes it off.</summary>
internal static class SetVisibilityEndpoint
{
    public static readonly EndpointSpec Spec = new(
        "PUT",
        "/_matrix/client/v3/directory/list/room/{roomId}",
        AuthKind.AccessToken,
        RateClass.None,
        "client-server-api#put_matrixclientv3directorylistroomroomid")
    {
        ForbiddenWhileSuspended = true,
    };

    public static void Map(EndpointTable table) => table.Add(Spec, HandleAsync);

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request)
    {
        if (!request.TryGetRoom(out var roomId, out var noRoom))
            return noRoom;
        var (body, error) = await request.ReadJsonObjectAsync(emptyAllowed: true);
        if (error is not null)
            return error;
        if (body.TryGetString("visibility", out var visibility) is { } bad)
            return bad;
        if (visibility is not (null or "public" or "private"))
            return MatrixError.InvalidParam("'visibility' must be public or private.");
        var requester = request.Requester;
        // The spec's default is public.
        var command = new SetRoomVisibility(
            request.CommandContext(), requester.UserId, roomId, visibility != "private", requester.IsAdmin);
        return (await request.SendAsync(command)).ToEmpty();
    }
}
