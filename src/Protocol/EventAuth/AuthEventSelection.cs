using System.Text.Json;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.RoomVersions;
using Matrix.EventSourced.Protocol.State;

namespace Matrix.EventSourced.Protocol.EventAuth;

/// <summary>Which entries of the room's state a PDU lists as its auth_events.</summary>
/// <remarks>Spec: v1.19 server-server-api #auth-events-selection.</remarks>
public static class AuthEventSelection
{
    /// <summary>The tuples, distinct, those without a PDU in the state included: the caller lists what it
    /// finds.</summary>
    public static IReadOnlyList<StateTuple> TuplesFor(
        string type, string? stateKey, UserId sender, JsonElement content, RoomVersionRules rules)
    {
        if (type == EventTypes.Create)
            return [];
        var tuples = new List<StateTuple>(6);
        if (rules.CreateIsInAuthEvents)
            tuples.Add(AuthTuples.Create);
        tuples.Add(AuthTuples.PowerLevels);
        tuples.Add(AuthTuples.Member(sender.Value));
        if (type == EventTypes.Member && stateKey is not null)
            AddForMember(stateKey, sender, content, rules, tuples);
        return tuples;
    }

    private static void AddForMember(
        string target, UserId sender, JsonElement content, RoomVersionRules rules, List<StateTuple> tuples)
    {
        if (target != sender.Value)
            tuples.Add(AuthTuples.Member(target));
        var membership = MembershipParser.Of(content);
        if (membership is Membership.Join or Membership.Invite or Membership.Knock)
            tuples.Add(AuthTuples.JoinRules);
        if (membership == Membership.Invite
            && content.TryFind("third_party_invite"u8, out var invite)
            && invite.TryFind("signed"u8, out var signed)
            && signed.FindString("token"u8) is { } token)
        {
            tuples.Add(AuthTuples.ThirdPartyInvite(token));
        }
        if (membership == Membership.Join
            && rules.RestrictedJoins
            && content.FindString("join_authorised_via_users_server"u8) is { } authoriser
            && authoriser != sender.Value
            && authoriser != target)
        {
            tuples.Add(AuthTuples.Member(authoriser));
        }
    }
}
