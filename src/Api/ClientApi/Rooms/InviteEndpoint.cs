using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.Roomserver.Perform;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.ClientApi.Rooms;

/// <summary>Invites a user. By third-party identifier nobody can be invited: that takes an identity server, and we
/// speak to none.</summary>
internal static class InviteEndpoint
{
    public static readonly EndpointSpec Spec = new(
        "POST",
        "/_matrix/client/v3/rooms/{roomId}/invite",
        AuthKind.AccessToken,
        RateClass.Invite,
        "client-server-api#post_matrixclientv3roomsroomidinvite")
    {
        ForbiddenWhileSuspended = true,
    };

    public static void Map(EndpointTable table) => table.Add(Spec, HandleAsync);

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request)
    {
        if (!request.TryGetRoom(out var roomId, out var noRoom))
            return noRoom;
        var (body, bodyError) = await request.ReadJsonObjectAsync();
        if (bodyError is not null)
            return bodyError;
        if (!body.TryGetProperty("user_id"u8, out _) && body.TryGetProperty("medium"u8, out _))
            return MatrixError.Forbidden("This server has no identity server to invite by third-party identifiers.");
        var (target, reason, error) = MembershipBody.ReadTarget(body);
        if (error is not null)
            return error;
        var command = new InviteUser(request.CommandContext(), roomId, request.Requester.UserId, target, reason);
        return (await request.SendAsync(command)).ToEmpty();
    }
}
