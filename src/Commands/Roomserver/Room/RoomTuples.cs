using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.State;

namespace Matrix.EventSourced.Commands.Roomserver.Room;

/// <summary>The state tuples that deciders ask for.</summary>
internal static class RoomTuples
{
    public static readonly StateTuple Create = new(EventTypes.Create, string.Empty);
    public static readonly StateTuple PowerLevels = new(EventTypes.PowerLevels, string.Empty);
    public static readonly StateTuple JoinRules = new(EventTypes.JoinRules, string.Empty);
    public static readonly StateTuple GuestAccess = new(EventTypes.GuestAccess, string.Empty);
    public static readonly StateTuple CanonicalAlias = new(EventTypes.CanonicalAlias, string.Empty);

    public static readonly StateTuple Policy = new(EventTypes.PolicyServer, string.Empty);

    public static StateTuple Member(UserId userId) => new(EventTypes.Member, userId.Value);
}
