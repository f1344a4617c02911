using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.Roomserver.Perform;
using Matrix.EventSourced.Commands.Roomserver.Workers;
using Matrix.EventSourced.Commands.UserApi;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Identifiers;
using MediatR;
using Microsoft.Extensions.Logging;

namespace Matrix.EventSourced.Commands.Roomserver;

/// <summary>Leaves the rooms that a user has joined, rejects their invites and takes their knocks back.</summary>
/// <remarks>Rooms go in parallel, so that they share the log's flushes. A room that refuses is logged and passed
/// over.</remarks>
public sealed class RoomDepartures(IMediator mediator, IStandingLookup standings, ILogger<RoomDepartures> logger)
    : IRoomDepartures
{
    public async ValueTask LeaveAllAsync(UserId user, CommandContext context)
    {
        foreach (var some in (await standings.RoomsOfAsync(user)).Chunk(Limits.ProfilePropagationsMax))
            await Task.WhenAll(some.Select(roomId => LeaveAsync(roomId, user, context)));
    }

    private async Task LeaveAsync(RoomId roomId, UserId user, CommandContext context)
    {
        var left = await mediator.Send(new LeaveRoom(context, roomId, user, Reason: null), CancellationToken.None);
        if (left is CommandResult<Unit>.Refused refused)
            logger.RoomNotLeft(user.Value, roomId.Value, refused.Error.ErrCode);
    }
}
