using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.Roomserver.Room;
using Matrix.EventSourced.Protocol.EventAuth;
using Matrix.EventSourced.Protocol.Identifiers;
using MediatR;

namespace Matrix.EventSourced.Commands.Roomserver.Perform;

/// <summary>Bans a user: POST /rooms/{roomId}/ban.</summary>
/// <remarks>Spec: v1.19 client-server-api #post_matrixclientv3roomsroomidban. Errors: M_FORBIDDEN without the
/// power.</remarks>
public sealed record BanUser(CommandContext Context, RoomId RoomId, UserId Sender, UserId Target, string? Reason)
    : ICommand<Unit>;

public sealed class BanUserHandler(Memberships memberships) : IRequestHandler<BanUser, CommandResult<Unit>>
{
    public async Task<CommandResult<Unit>> Handle(BanUser command, CancellationToken cancellationToken)
    {
        var content = MemberContent.Build(Membership.Ban, MemberProfile.Empty, command.Reason);
        var change = new ChangeMembership(
            command.Context, MembershipCause.Ban, command.Sender, command.Target, content);
        return (await memberships.PerformAsync(command.RoomId, change)).ToUnit();
    }
}
