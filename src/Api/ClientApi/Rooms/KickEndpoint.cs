using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.Roomserver.Perform;

namespace Matrix.EventSourced.Api.ClientApi.Rooms;

/// <summary>Makes a user leave.</summary>
internal static class KickEndpoint
{
    public static readonly EndpointSpec Spec = new(
        "POST",
        "/_matrix/client/v3/rooms/{roomId}/kick",
        AuthKind.AccessToken,
        RateClass.None,
        "client-server-api#post_matrixclientv3roomsroomidkick")
    {
        ForbiddenWhileSuspended = true,
    };

    public static void Map(EndpointTable table) => table.Add(Spec, HandleAsync);

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request)
    {
        if (!request.TryGetRoom(out var roomId, out var noRoom))
            return noRoom;
        var (target, reason, error) = await MembershipBody.ReadTargetAsync(request);
        if (error is not null)
            return error;
        var command = new KickUser(request.CommandContext(), roomId, request.Requester.UserId, target, reason);
        return (await request.SendAsync(command)).ToEmpty();
    }
}
