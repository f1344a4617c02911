using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.Roomserver.Perform;
using Matrix.EventSourced.Commands.Roomserver.Room;
using Matrix.EventSourced.Commands.Roomserver.Workers;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Protocol.Identifiers;
using MediatR;
using Microsoft.Extensions.Logging;

namespace Matrix.EventSourced.Commands.Roomserver;

/// <summary>Takes this server's guests out of rooms that let guests in no longer.</summary>
/// <remarks>Spec: v1.19 client-server-api #guest-access, server behaviour. Each leaves as if by their own wish, which
/// needs no power in the room. A room that refuses is logged and passed over. ADR 0096.</remarks>
public sealed class GuestDepartures(
    IRoomserver rooms, IMediator mediator, TimeProvider time, ILogger<GuestDepartures> logger)
{
    /// <param name="roomId">The room.</param>
    /// <param name="guests">Those of its joined members who are guests here.</param>
    public async ValueTask CheckAsync(RoomId roomId, IReadOnlyList<UserId> guests)
    {
        if (guests.Count == 0
            || await rooms.ReadAsync(roomId, RoomTuples.GuestAccess) is not RoomReading.Found { View: var view }
            || ChangeMembership.AreGuestsWelcome(view))
            return;
        foreach (var guest in guests)
        {
            var context = new CommandContext(
                new FactActor(User: guest.Value), time.GetUtcNow().ToUnixTimeMilliseconds(), "guest access");
            var left = await mediator.Send(new LeaveRoom(context, roomId, guest, Reason: null), CancellationToken.None);
            if (left is CommandResult<Unit>.Refused refused)
                logger.GuestNotTakenOut(guest.Value, roomId.Value, refused.Error.ErrCode);
        }
    }
}
