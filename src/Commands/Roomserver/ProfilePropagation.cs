using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.Roomserver.Room;
using Matrix.EventSourced.Commands.Roomserver.Workers;
using Matrix.EventSourced.Commands.UserApi;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.EventAuth;
using Matrix.EventSourced.Protocol.Identifiers;
using Microsoft.Extensions.Logging;

namespace Matrix.EventSourced.Commands.Roomserver;

/// <summary>Carries a new name or picture into every room that the user has joined.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #events-on-change-of-profile-information.
/// Rooms go in parallel, so that they share the log's flushes. A room that refuses is logged and passed over.
/// </remarks>
public sealed class ProfilePropagation(
    IRoomserver rooms, IMembershipLookup memberships, IProfileLookup profiles, ILogger<ProfilePropagation> logger)
    : IProfilePropagation
{
    public async ValueTask PropagateAsync(UserId user, CommandContext context)
    {
        var joined = await memberships.JoinedRoomsAsync(user);
        if (joined.Count == 0)
            return;
        var profile = await profiles.FindAsync(user);
        foreach (var some in joined.Chunk(Limits.ProfilePropagationsMax))
            await Task.WhenAll(some.Select(roomId => PropagateAsync(roomId, user, profile, context)));
    }

    private async Task PropagateAsync(RoomId roomId, UserId user, MemberProfile profile, CommandContext context)
    {
        var content = MemberContent.Build(Membership.Join, profile);
        var answer = await rooms.PerformAsync(
            roomId, new ChangeMembership(context, MembershipCause.Profile, user, user, content));
        if (answer is RoomAnswer.Refused refused)
            logger.ProfileNotPropagated(user.Value, roomId.Value, refused.Error.ErrCode);
    }
}
