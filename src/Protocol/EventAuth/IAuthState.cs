using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.State;

namespace Matrix.EventSourced.Protocol.EventAuth;

/// <summary>The room state that the authorisation rules look at: a few tuples, never the whole.</summary>
/// <remarks>
/// Shape: the tuples that are asked for are those of <see cref="AuthEventSelection"/> and the create event's. The
/// parsed forms have defaults; a caller that authorises often overrides them with what it keeps parsed.
/// </remarks>
public interface IAuthState
{
    /// <summary>The PDU that holds this tuple, or null.</summary>
    Pdu? Get(StateTuple tuple);

    /// <summary>The power levels in force. Override to parse a room's power levels once, not once per PDU.</summary>
    PowerLevels GetPowerLevels(Pdu create) => PowerLevels.From(Get(AuthTuples.PowerLevels), create);

    /// <summary>The membership of a user. Override where it is known without the member PDU's content.</summary>
    Membership GetMembership(UserId user) => MembershipParser.Of(Get(AuthTuples.Member(user.Value)));
}

/// <summary>The state tuples that authorisation reads.</summary>
/// <remarks>Spec: v1.19 server-server-api #auth-events-selection. Shape: those with a fixed state key; members and
/// third-party invites have one each.</remarks>
public static class AuthTuples
{
    public static readonly StateTuple Create = new(EventTypes.Create, string.Empty);
    public static readonly StateTuple PowerLevels = new(EventTypes.PowerLevels, string.Empty);
    public static readonly StateTuple JoinRules = new(EventTypes.JoinRules, string.Empty);

    public static StateTuple Member(string userId) => new(EventTypes.Member, userId);

    public static StateTuple ThirdPartyInvite(string token) => new(EventTypes.ThirdPartyInvite, token);
}
