using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.Roomserver.Room;
using Matrix.EventSourced.Commands.UserApi;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.EventAuth;
using Matrix.EventSourced.Protocol.Identifiers;
using MediatR;

namespace Matrix.EventSourced.Commands.Roomserver.Perform;

/// <summary>Forgets a room that the user has left: POST /rooms/{roomId}/forget.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #post_matrixclientv3roomsroomidforget.
/// Errors: M_UNKNOWN (400) for who is still in the room, invited or knocking, and for who never was in it.
/// </remarks>
public sealed record ForgetRoom(CommandContext Context, RoomId RoomId, UserId UserId) : ICommand<Unit>;

public sealed class ForgetRoomHandler(IRoomserver rooms, RoomForgetting forgetting)
    : IRequestHandler<ForgetRoom, CommandResult<Unit>>
{
    public async Task<CommandResult<Unit>> Handle(ForgetRoom command, CancellationToken cancellationToken)
    {
        var reading = await rooms.ReadAsync(command.RoomId, RoomTuples.Member(command.UserId));
        if (reading is RoomReading.Refused refused)
            return refused.Error;
        var membership = reading is RoomReading.Found found ? found.View.MembershipOf(command.UserId) : Membership.None;
        if (membership == Membership.None)
            return new MatrixError(400, ErrCodes.Unknown, "You were never in this room.");
        if (membership is not (Membership.Leave or Membership.Ban))
            return new MatrixError(400, ErrCodes.Unknown, "You have not left this room.");
        var position = await forgetting.ForgetAsync(command.UserId, command.RoomId, command.Context);
        return new CommandResult<Unit>.Done(Unit.Value, position);
    }
}
