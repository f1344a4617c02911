using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.Roomserver.Room;
using Matrix.EventSourced.Protocol.EventAuth;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Signing;
using MediatR;

namespace Matrix.EventSourced.Commands.Roomserver.Perform;

/// <summary>Invites a user: POST /rooms/{roomId}/invite.</summary>
/// <remarks>Spec: v1.19 client-server-api #post_matrixclientv3roomsroomidinvite. Errors: M_FORBIDDEN without the power,
/// or when the user is in the room or banned.</remarks>
public sealed record InviteUser(CommandContext Context, RoomId RoomId, UserId Sender, UserId Target, string? Reason)
    : ICommand<Unit>;

public sealed class InviteUserHandler(Memberships memberships, RemoteMemberships remote, ServerIdentity identity)
    : IRequestHandler<InviteUser, CommandResult<Unit>>
{
    public async Task<CommandResult<Unit>> Handle(InviteUser command, CancellationToken cancellationToken)
    {
        // First, since it may be what makes the user, and their profile.
        if (await memberships.FindInviteProblemAsync(command.Target) is { } blocked)
            return blocked;
        var content = MemberContent.Build(
            Membership.Invite, await memberships.ProfileOfAsync(command.Target), command.Reason);
        if (command.Target.Server != identity.Name)
        {
            return (await remote.InviteAsync(
                command.Context, command.RoomId, command.Sender, command.Target, content, cancellationToken)).ToUnit();
        }
        var change = new ChangeMembership(
            command.Context, MembershipCause.Invite, command.Sender, command.Target, content);
        return (await memberships.PerformAsync(command.RoomId, change)).ToUnit();
    }
}
