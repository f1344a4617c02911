using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.Roomserver.Perform;

namespace Matrix.EventSourced.Api.ClientApi.Rooms;

/// <summary>Asks to be invited to a room.</summary>
internal static class KnockEndpoint
{
    public static readonly EndpointSpec Spec = new(
        "POST",
        "/_matrix/client/v3/knock/{roomIdOrAlias}",
        AuthKind.AccessToken,
        RateClass.Join,
        "client-server-api#post_matrixclientv3knockroomidoralias")
    {
        ForbiddenWhileSuspended = true,
    };

    public static void Map(EndpointTable table) => table.Add(Spec, HandleAsync);

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request)
    {
        var (reason, error) = await MembershipBody.ReadReasonAsync(request);
        if (error is not null)
            return error;
        var command = new KnockOnRoom(
            request.CommandContext(), request.Requester.UserId, request.Path("roomIdOrAlias"), reason)
        {
            Via = request.GetVia(),
        };
        return (await request.SendAsync(command)).ToRoomId();
    }
}
