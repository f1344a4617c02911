using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.Roomserver.Perform;

namespace Matrix.EventSourced.Api.ClientApi.Rooms;

/// <summary>Forgets a room that the user has left.</summary>
internal static class ForgetEndpoint
{
    public static readonly EndpointSpec Spec = new(
        "POST",
        "/_matrix/client/v3/rooms/{roomId}/forget",
        AuthKind.AccessToken,
        RateClass.None,
        "client-server-api#post_matrixclientv3roomsroomidforget")
    {
        GuestsAllowed = true,
    };

    public static void Map(EndpointTable table) => table.Add(Spec, HandleAsync);

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request)
    {
        if (!request.TryGetRoom(out var roomId, out var noRoom))
            return noRoom;
        var (_, error) = await request.ReadJsonObjectAsync(emptyAllowed: true);
        if (error is not null)
            return error;
        return (await request.SendAsync(
            new ForgetRoom(request.CommandContext(), roomId, request.Requester.UserId))).ToEmpty();
    }
}
