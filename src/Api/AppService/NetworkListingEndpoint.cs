using Matrix.EventSourced.Api.ClientApi.Rooms;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.AppService;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.AppService;

/// <summary>An application service lists a room in the directory of one of its networks, or takes it off.</summary>
internal static class NetworkListingEndpoint
{
    public static readonly EndpointSpec Spec = new(
        "PUT",
        "/_matrix/client/v3/directory/list/appservice/{networkId}/{roomId}",
        AuthKind.AccessToken,
        RateClass.None,
        "client-server-api#put_matrixclientv3directorylistappservicenetworkidroomid");

    public static void Map(EndpointTable table) => table.Add(Spec, HandleAsync);

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request)
    {
        if (request.Requester.AppserviceId is not { } service)
            return MatrixError.Forbidden("Only application services may change the directories of their networks.");
        if (!request.TryGetRoom(out var roomId, out var noRoom))
            return noRoom;
        var (body, error) = await request.ReadJsonObjectAsync();
        if (error is not null)
            return error;
        if (body.TryGetString("visibility", out var visibility) is { } bad)
            return bad;
        if (visibility is null)
            return MatrixError.MissingParam("'visibility' is missing.");
        if (visibility is not ("public" or "private"))
            return MatrixError.InvalidParam("'visibility' must be public or private.");
        var command = new SetNetworkListing(
            request.CommandContext(), service, request.Path("networkId"), roomId, visibility == "public");
        return (await request.SendAsync(command)).ToEmpty();
    }
}
