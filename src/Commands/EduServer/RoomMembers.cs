using Matrix.EventSourced.Commands.Roomserver;
using Matrix.EventSourced.Commands.Roomserver.Room;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.EventAuth;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Commands.EduServer;

/// <summary>Whether a user is in a room: asked before anything is said about them there.</summary>
public sealed class RoomMembers(IRoomserver rooms)
{
    /// <summary>Null for a member; else the refusal, the same for rooms that do not exist.</summary>
    public async ValueTask<MatrixError?> CheckJoinedAsync(RoomId room, UserId user) =>
        await rooms.ReadAsync(room, RoomTuples.Member(user)) switch
        {
            RoomReading.Refused refused => refused.Error,
            RoomReading.Found found when found.View.MembershipOf(user) == Membership.Join => null,
            _ => RoomErrors.NotInRoom,
        };
}
