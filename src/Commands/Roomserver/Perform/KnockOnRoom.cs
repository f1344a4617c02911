using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.Roomserver.Room;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Protocol.EventAuth;
using Matrix.EventSourced.Protocol.Identifiers;
using MediatR;

namespace Matrix.EventSourced.Commands.Roomserver.Perform;

/// <summary>Asks to be invited: POST /knock/{roomIdOrAlias}.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #knocking-on-rooms. Errors: M_NOT_FOUND for an unknown room or alias; M_FORBIDDEN
/// where nobody may knock.
/// </remarks>
public sealed record KnockOnRoom(CommandContext Context, UserId UserId, string RoomIdOrAlias, string? Reason)
    : ICommand<RoomId>
{
    /// <summary>Servers that may know the room, as the client says.</summary>
    public IReadOnlyList<ServerName> Via { get; init; } = [];
}

public sealed class KnockOnRoomHandler(Memberships memberships, RemoteMemberships remote)
    : IRequestHandler<KnockOnRoom, CommandResult<RoomId>>
{
    public async Task<CommandResult<RoomId>> Handle(KnockOnRoom command, CancellationToken cancellationToken)
    {
        var (roomId, servers, error) = await remote.FindRoomAsync(command.RoomIdOrAlias, cancellationToken);
        if (error is not null)
            return error;
        var content = MemberContent.Build(
            Membership.Knock, await memberships.ProfileOfAsync(command.UserId), command.Reason);
        var knock = new ChangeMembership(
            command.Context, MembershipCause.Knock, command.UserId, command.UserId, content);
        if (await remote.IsOursToDecideAsync(roomId))
            return (await memberships.PerformAsync(roomId, knock)).To(_ => roomId);
        var refusal = await remote.KnockAsync(
            command.Context, roomId, command.UserId, content, [.. command.Via, .. servers], cancellationToken);
        return refusal is not null ? refusal : new CommandResult<RoomId>.Done(roomId, LogPosition.Start);
    }
}
