using Matrix.EventSourced.Protocol.EventAuth;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;

namespace Matrix.EventSourced.Commands.Roomserver.Room;

/// <summary>What a user may do to a room beyond its events. Requires: the user's member entry is loaded.</summary>
internal static class RoomPowers
{
    /// <summary>Who may say what the room is called: a member who may send its canonical alias.</summary>
    public static bool MaySetAddresses(RoomView view, UserId userId) =>
        view.MembershipOf(userId) == Membership.Join
        && view.PowerLevels.UserLevel(userId) >= view.PowerLevels.EventLevel(EventTypes.CanonicalAlias, true);
}
