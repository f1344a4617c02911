using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.Roomserver.Room;
using Matrix.EventSourced.Protocol.EventAuth;
using Matrix.EventSourced.Protocol.Identifiers;
using MediatR;

namespace Matrix.EventSourced.Commands.Roomserver.Perform;

/// <summary>Takes a ban back: POST /rooms/{roomId}/unban.</summary>
/// <remarks>Spec: v1.19 client-server-api #post_matrixclientv3roomsroomidunban. Errors: M_FORBIDDEN without the power,
/// or when the user is not banned.</remarks>
public sealed record UnbanUser(CommandContext Context, RoomId RoomId, UserId Sender, UserId Target, string? Reason)
    : ICommand<Unit>;

public sealed class UnbanUserHandler(Memberships memberships) : IRequestHandler<UnbanUser, CommandResult<Unit>>
{
    public async Task<CommandResult<Unit>> Handle(UnbanUser command, CancellationToken cancellationToken)
    {
        var content = MemberContent.Build(Membership.Leave, MemberProfile.Empty, command.Reason);
        var change = new ChangeMembership(
            command.Context, MembershipCause.Unban, command.Sender, command.Target, content);
        return (await memberships.PerformAsync(command.RoomId, change)).ToUnit();
    }
}
