using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Commands.Roomserver.Room;

/// <summary>Refusals that several commands share.</summary>
internal static class RoomErrors
{
    /// <summary>Also the answer for rooms that do not exist: who is not in a room learns nothing about it.</summary>
    public static readonly MatrixError NotInRoom = MatrixError.Forbidden("You are not in this room.");

    public static readonly MatrixError UnknownRoom = MatrixError.NotFound("This room is not known here.");

    public static readonly MatrixError UnknownAlias = MatrixError.NotFound("This room alias points nowhere.");
}
