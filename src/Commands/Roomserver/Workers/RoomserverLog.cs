using Matrix.EventSourced.Facts.Roomserver;
using Microsoft.Extensions.Logging;

namespace Matrix.EventSourced.Commands.Roomserver.Workers;

internal static partial class RoomserverLog
{
    [LoggerMessage(
        LogLevel.Critical, "The room {room_id} is quarantined until the server restarts: an invariant does not hold.")]
    public static partial void RoomQuarantined(this ILogger logger, string room_id, Exception problem);

    [LoggerMessage(LogLevel.Error, "{command} failed in the room {room_id}.")]
    public static partial void CommandFailed(this ILogger logger, string room_id, string command, Exception problem);

    [LoggerMessage(LogLevel.Information, "The PDU {event_id} of the room {room_id} is {disposition}: {reason}")]
    public static partial void PduNotAccepted(
        this ILogger logger, string event_id, string room_id, PduDisposition disposition, string reason);

    [LoggerMessage(LogLevel.Warning, "The new profile of {user_id} did not reach the room {room_id}: {errcode}.")]
    public static partial void ProfileNotPropagated(
        this ILogger logger, string user_id, string room_id, string errcode);

    [LoggerMessage(LogLevel.Warning, "{user_id} closed the account and could not leave the room {room_id}: {errcode}.")]
    public static partial void RoomNotLeft(this ILogger logger, string user_id, string room_id, string errcode);

    [LoggerMessage(LogLevel.Warning, "The guest {user_id} could not be taken out of the room {room_id}: {errcode}.")]
    public static partial void GuestNotTakenOut(this ILogger logger, string user_id, string room_id, string errcode);
}
