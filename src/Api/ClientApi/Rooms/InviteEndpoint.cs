using System.Text.Json;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.Roomserver.Perform;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Api.ClientApi.Rooms;

/// <summary>Invites a user, or whoever an identity server finds to be behind a third-party identifier.</summary>
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
            return await InviteByThirdPartyAsync(request, roomId, body);
        var (target, reason, error) = MembershipBody.ReadTarget(body);
        if (error is not null)
            return error;
        var command = new InviteUser(request.CommandContext(), roomId, request.Requester.UserId, target, reason);
        return (await request.SendAsync(command)).ToEmpty();
    }

    private static async ValueTask<MatrixResponse> InviteByThirdPartyAsync(
        MatrixRequest request, RoomId roomId, JsonElement body)
    {
        var (target, error) = ThirdPartyTargetBody.Read(body);
        if (target is null)
            return error!;
        var command = new InviteByThirdParty(request.CommandContext(), roomId, request.Requester.UserId, target);
        return (await request.SendAsync(command)).ToEmpty();
    }
}
