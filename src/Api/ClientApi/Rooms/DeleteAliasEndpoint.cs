using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.Roomserver.Perform;

namespace Matrix.EventSourced.Api.ClientApi.Rooms;

/// <summary>Lets a room alias point nowhere.</summary>
internal static class DeleteAliasEndpoint
{
    public static readonly EndpointSpec Spec = new(
        "DELETE",
        "/_matrix/client/v3/directory/room/{roomAlias}",
        AuthKind.AccessToken,
        RateClass.None,
        "client-server-api#delete_matrixclientv3directoryroomroomalias");

    public static void Map(EndpointTable table) => table.Add(Spec, HandleAsync);

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request)
    {
        var requester = request.Requester;
        var command = new DeleteAlias(
            request.CommandContext(), requester.UserId, request.Path("roomAlias"), requester.IsAdmin)
        {
            AppserviceId = requester.AppserviceId,
        };
        return (await request.SendAsync(command)).ToEmpty();
    }
}
