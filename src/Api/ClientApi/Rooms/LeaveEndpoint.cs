using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.Roomserver.Perform;

namespace Matrix.EventSourced.Api.ClientApi.Rooms;

/// <summary>Leaves a room, rejects an invite or takes a knock back.</summary>
internal static class LeaveEndpoint
{
    public static readonly EndpointSpec Spec = new(
        "POST",
        "/_matrix/client/v3/rooms/{roomId}/leave",
        AuthKind.AccessToken,
        RateClass.None,
        "client-server-api#post_matrixclientv3roomsroomidleave")
    {
        GuestsAllowed = true,
    };

    public static void Map(EndpointTable table) => table.Add(Spec, HandleAsync);

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request)
    {
        if (!request.TryGetRoom(out var roomId, out var noRoom))
            return noRoom;
        var (reason, error) = await MembershipBody.ReadReasonAsync(request);
        if (error is not null)
            return error;
        return (await request.SendAsync(
            new LeaveRoom(request.CommandContext(), roomId, request.Requester.UserId, reason))).ToEmpty();
    }
}
