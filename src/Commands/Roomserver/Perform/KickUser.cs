using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.Roomserver.Room;
using Matrix.EventSourced.Protocol.EventAuth;
using Matrix.EventSourced.Protocol.Identifiers;
using MediatR;

namespace Matrix.EventSourced.Commands.Roomserver.Perform;

/// <summary>Makes a user leave: POST /rooms/{roomId}/kick.</summary>
/// <remarks>Spec: v1.19 client-server-api #post_matrixclientv3roomsroomidkick. Errors: M_FORBIDDEN without the power,
/// or when the user is not in the room.</remarks>
public sealed record KickUser(CommandContext Context, RoomId RoomId, UserId Sender, UserId Target, string? Reason)
    : ICommand<Unit>;

public sealed class KickUserHandler(Memberships memberships) : IRequestHandler<KickUser, CommandResult<Unit>>
{
    public async Task<CommandResult<Unit>> Handle(KickUser command, CancellationToken cancellationToken)
    {
        var content = MemberContent.Build(Membership.Leave, MemberProfile.Empty, command.Reason);
        var change = new ChangeMembership(
            command.Context, MembershipCause.Kick, command.Sender, command.Target, content);
        return (await memberships.PerformAsync(command.RoomId, change)).ToUnit();
    }
}
