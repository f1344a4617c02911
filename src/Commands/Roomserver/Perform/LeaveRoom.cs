using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.Roomserver.Room;
using Matrix.EventSourced.Protocol.EventAuth;
using Matrix.EventSourced.Protocol.Identifiers;
using MediatR;

namespace Matrix.EventSourced.Commands.Roomserver.Perform;

/// <summary>Leaves a room, rejects an invite, takes a knock back: POST /rooms/{roomId}/leave.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #post_matrixclientv3roomsroomidleave. Ensures: who has left already makes no new PDU.
/// Errors: M_NOT_FOUND for an unknown room; M_FORBIDDEN for who was never in it or is banned.
/// </remarks>
public sealed record LeaveRoom(CommandContext Context, RoomId RoomId, UserId UserId, string? Reason) : ICommand<Unit>;

public sealed class LeaveRoomHandler(Memberships memberships, RemoteMemberships remote)
    : IRequestHandler<LeaveRoom, CommandResult<Unit>>
{
    public async Task<CommandResult<Unit>> Handle(LeaveRoom command, CancellationToken cancellationToken)
    {
        var content = MemberContent.Build(Membership.Leave, MemberProfile.Empty, command.Reason);
        var leave = new ChangeMembership(
            command.Context, MembershipCause.Leave, command.UserId, command.UserId, content);
        if ((!await remote.IsResidentAsync(command.RoomId)
                || await remote.IsInvitedAheadAsync(command.RoomId, command.UserId))
            && await remote.LeaveAsync(
                command.Context, command.RoomId, command.UserId, content, cancellationToken) is { } left)
            return left;
        return (await memberships.PerformAsync(command.RoomId, leave)).ToUnit();
    }
}
