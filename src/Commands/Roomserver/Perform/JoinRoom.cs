using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.Roomserver.Room;
using Matrix.EventSourced.Commands.Roomserver.ThirdParty;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.EventAuth;
using Matrix.EventSourced.Protocol.Identifiers;
using MediatR;

namespace Matrix.EventSourced.Commands.Roomserver.Perform;

/// <summary>Joins a room by id or alias: POST /join/{roomIdOrAlias} and /rooms/{roomId}/join.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #joining-rooms, #restricted-rooms, #guest-access.
/// Ensures: who has joined already, with the same name and picture, makes no new PDU.
/// Errors: M_NOT_FOUND for an unknown room or alias; M_FORBIDDEN by the join rule or a ban; M_GUEST_ACCESS_FORBIDDEN.
/// </remarks>
public sealed record JoinRoom(
    CommandContext Context, UserId UserId, string RoomIdOrAlias, string? Reason, bool IsGuest = false)
    : ICommand<RoomId>
{
    /// <summary>Servers that may know the room, as the client says.</summary>
    public IReadOnlyList<ServerName> Via { get; init; } = [];

    /// <summary>What makes an invite to an address the user's own.</summary>
    public SignedInvite? SignedInvite { get; init; }
}

public sealed class JoinRoomHandler(
    Memberships memberships, RemoteMemberships remote, ThirdPartyInvites? thirdParty = null)
    : IRequestHandler<JoinRoom, CommandResult<RoomId>>
{
    public async Task<CommandResult<RoomId>> Handle(JoinRoom command, CancellationToken cancellationToken)
    {
        var (roomId, servers, error) = await remote.FindRoomAsync(command.RoomIdOrAlias, cancellationToken);
        if (error is not null)
            return error;
        if (command.SignedInvite is { } signed && thirdParty is not null
            && await thirdParty.ShowAsync(command.Context, roomId, command.UserId, signed) is { } unproven)
            return unproven;
        var content = MemberContent.Build(
            Membership.Join, await memberships.ProfileOfAsync(command.UserId), command.Reason);
        var join = new ChangeMembership(command.Context, MembershipCause.Join, command.UserId, command.UserId, content)
        {
            IsGuest = command.IsGuest,
        };
        if (await remote.IsOursToDecideAsync(roomId))
        {
            var answer = await memberships.PerformAsync(roomId, join);
            if (Memberships.IsForbidden(answer)
                && await remote.BringInviteAsync(command.Context, roomId, command.UserId, cancellationToken))
                answer = await memberships.PerformAsync(roomId, join);
            if (!Memberships.IsForOthersToAllow(answer))
                return answer.To(_ => roomId);
        }
        var refusal = command.IsGuest
            ? new MatrixError(403, ErrCodes.GuestAccessForbidden, "Guests can only join rooms of this server.")
            : await remote.JoinAsync(
                command.Context, roomId, command.UserId, content, [.. command.Via, .. servers], cancellationToken);
        if (refusal == RoomErrors.UnknownRoom && await remote.IsResidentAsync(roomId))
            return RestrictedJoin.NotAllowed;
        if (refusal is not null)
            return refusal;
        await memberships.CarryOverAsync(roomId, command.UserId, command.Context);
        return new CommandResult<RoomId>.Done(roomId, LogPosition.Start);
    }
}
