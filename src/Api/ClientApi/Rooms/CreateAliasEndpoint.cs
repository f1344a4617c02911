using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.Roomserver.Perform;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Api.ClientApi.Rooms;

/// <summary>Lets a room alias point to a room.</summary>
internal static class CreateAliasEndpoint
{
    public static readonly EndpointSpec Spec = new(
        "PUT",
        "/_matrix/client/v3/directory/room/{roomAlias}",
        AuthKind.AccessToken,
        RateClass.None,
        "client-server-api#put_matrixclientv3directoryroomroomalias")
    {
        ForbiddenWhileSuspended = true,
    };

    public static void Map(EndpointTable table) => table.Add(Spec, HandleAsync);

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request)
    {
        var (body, error) = await request.ReadJsonObjectAsync();
        if (error is not null)
            return error;
        if (body.TryGetString("room_id", out var text) is { } bad)
            return bad;
        if (text is null)
            return MatrixError.MissingParam("'room_id' is missing.");
        if (!RoomId.TryParse(text, out var roomId))
            return MatrixError.InvalidParam("'room_id' is no room id.");
        var command = new CreateAlias(
            request.CommandContext(), request.Requester.UserId, request.Path("roomAlias"), roomId)
        {
            AppserviceId = request.Requester.AppserviceId,
        };
        return (await request.SendAsync(command)).ToEmpty();
    }
}
