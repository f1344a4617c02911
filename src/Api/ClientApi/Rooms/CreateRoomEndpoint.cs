using Matrix.EventSourced.Api.Http;

namespace Matrix.EventSourced.Api.ClientApi.Rooms;

/// <summary>Creates a room.</summary>
internal static class CreateRoomEndpoint
{
    public static readonly EndpointSpec Spec = new(
        "POST",
        "/_matrix/client/v3/createRoom",
        AuthKind.AccessToken,
        RateClass.RoomCreation,
        "client-server-api#post_matrixclientv3createroom")
    {
        ForbiddenWhileSuspended = true,
    };

    public static void Map(EndpointTable table) => table.Add(Spec, HandleAsync);

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request)
    {
        var (body, error) = await request.ReadJsonObjectAsync();
        if (error is not null)
            return error;
        var (command, problem) = CreateRoomBody.Read(body, request.CommandContext(), request.Requester.UserId);
        if (problem is not null)
            return problem;
        command = command! with { AppserviceId = request.Requester.AppserviceId };
        return (await request.SendAsync(command)).ToRoomId();
    }
}
