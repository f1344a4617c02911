using Matrix.EventSourced.Api.Http;

namespace Matrix.EventSourced.Api.ClientApi.Rooms;

/// <summary>Joins a room by its id.</summary>
internal static class JoinByIdEndpoint
{
    public static readonly EndpointSpec Spec = new(
        "POST",
        "/_matrix/client/v3/rooms/{roomId}/join",
        AuthKind.AccessToken,
        RateClass.Join,
        "client-server-api#post_matrixclientv3roomsroomidjoin")
    {
        ForbiddenWhileSuspended = true,
        GuestsAllowed = true,
    };

    public static void Map(EndpointTable table) => table.Add(Spec, HandleAsync);

    private static ValueTask<MatrixResponse> HandleAsync(MatrixRequest request) =>
        request.TryGetRoom(out var roomId, out var noRoom)
            ? JoinEndpoint.JoinAsync(request, roomId.Value)
            : new(noRoom);
}
