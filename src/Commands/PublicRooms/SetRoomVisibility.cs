using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.Roomserver;
using Matrix.EventSourced.Commands.Roomserver.Room;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;
using MediatR;

namespace Matrix.EventSourced.Commands.PublicRooms;

/// <summary>Lists a room in the public directory, or takes it off: PUT /directory/list/room/{roomId}.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #put_matrixclientv3directorylistroomroomid; the rule is ours: who may send the room's
/// canonical alias, and administrators.
/// Errors: M_NOT_FOUND for an unknown room; M_FORBIDDEN without the power.
/// </remarks>
public sealed record SetRoomVisibility(
    CommandContext Context, UserId UserId, RoomId RoomId, bool IsPublic, bool IsAdmin) : ICommand<Unit>;

public sealed class SetRoomVisibilityHandler(IRoomserver rooms, RoomDirectory directory)
    : IRequestHandler<SetRoomVisibility, CommandResult<Unit>>
{
    public async Task<CommandResult<Unit>> Handle(SetRoomVisibility command, CancellationToken cancellationToken)
    {
        switch (await rooms.ReadAsync(command.RoomId, RoomTuples.Member(command.UserId)))
        {
            case RoomReading.Refused refused:
                return refused.Error;
            case RoomReading.Found found when command.IsAdmin || RoomPowers.MaySetAddresses(found.View, command.UserId):
                return (await directory.SetAsync(
                    command.RoomId, command.IsPublic, command.UserId, command.Context)).ToResult(Unit.Value);
            case RoomReading.Found:
                return MatrixError.Forbidden("You do not have the power to list this room.");
            default:
                return RoomErrors.UnknownRoom;
        }
    }
}
