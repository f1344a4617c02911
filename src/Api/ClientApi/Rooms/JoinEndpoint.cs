using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.Roomserver.Perform;

namespace Matrix.EventSourced.Api.ClientApi.Rooms;

/// <summary>Joins a room by id or alias. The servers of <c>via</c> and <c>server_name</c> matter only for rooms that
/// are not here.</summary>
internal static class JoinEndpoint
{
    public static readonly EndpointSpec Spec = new(
        "POST",
        "/_matrix/client/v3/join/{roomIdOrAlias}",
        AuthKind.AccessToken,
        RateClass.Join,
        "client-server-api#post_matrixclientv3joinroomidoralias")
    {
        ForbiddenWhileSuspended = true,
        GuestsAllowed = true,
    };

    public static void Map(EndpointTable table) => table.Add(Spec, HandleAsync);

    internal static async ValueTask<MatrixResponse> JoinAsync(MatrixRequest request, string roomIdOrAlias)
    {
        var (body, bodyError) = await request.ReadJsonObjectAsync(emptyAllowed: true);
        if (bodyError is not null)
            return bodyError;
        var requester = request.Requester;
        if (body.TryGetString("reason", out var reason) is { } badReason)
            return badReason;
        var (invite, error) = ThirdPartySignedBody.Read(body, requester.UserId);
        if (error is not null)
            return error;
        var command = new JoinRoom(
            request.CommandContext(), requester.UserId, roomIdOrAlias, reason, requester.IsGuest)
        {
            Via = request.GetVia(),
            SignedInvite = invite,
        };
        return (await request.SendAsync(command)).ToRoomId();
    }

    private static ValueTask<MatrixResponse> HandleAsync(MatrixRequest request) =>
        JoinAsync(request, request.Path("roomIdOrAlias"));
}
