using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.State;

namespace Matrix.EventSourced.Protocol.EventAuth;

/// <summary>A PDU that another one lists in its auth_events.</summary>
/// <remarks>Spec: v1.19 server-server-api #rejection. Shape: IsRejected says what this server decided of the
/// PDU.</remarks>
public readonly record struct AuthEvent(Pdu Pdu, bool IsRejected);

/// <summary>Rule 2 (version 12: 3): the auth events that a PDU lists.</summary>
internal static class AuthEventsRules
{
    public static AuthOutcome Check(Pdu pdu, IReadOnlyList<AuthEvent> authEvents)
    {
        var numbers = AuthRuleNumbers.Of(pdu.Rules);
        if (pdu.Type == EventTypes.Create)
            return numbers.Allow(AuthRule.CreateOtherwise);
        // 2.1
        var tuples = new HashSet<(string, string?)>(authEvents.Count);
        foreach (var entry in authEvents)
        {
            if (!tuples.Add((entry.Pdu.Type, entry.Pdu.StateKey)))
                return numbers.Refuse(AuthRule.AuthEventsDistinct, "Two auth events have the same type and state_key.");
        }
        // 2.2
        var selected = AuthEventSelection.TuplesFor(pdu.Type, pdu.StateKey, pdu.Sender, pdu.Content, pdu.Rules);
        foreach (var entry in authEvents)
        {
            if (!IsSelected(entry.Pdu, selected))
                return numbers.Refuse(
                    AuthRule.AuthEventsSelected, "An auth event is not one that the selection asks for.");
        }
        // 2.3
        foreach (var entry in authEvents)
        {
            if (entry.IsRejected)
                return numbers.Refuse(AuthRule.AuthEventsAccepted, "An auth event was itself rejected.");
        }
        // 2.4, before version 12.
        if (pdu.Rules.CreateIsInAuthEvents && !tuples.Contains((EventTypes.Create, string.Empty)))
            return numbers.Refuse(AuthRule.AuthEventsHaveCreate, "The auth events have no create event.");
        // 2.5 (12: 3.4)
        foreach (var entry in authEvents)
        {
            if (entry.Pdu.RoomId != pdu.RoomId)
                return numbers.Refuse(AuthRule.AuthEventsOfRoom, "An auth event is of another room.");
        }
        return numbers.Allow(AuthRule.AuthEventsOfRoom);
    }

    private static bool IsSelected(Pdu authEvent, IReadOnlyList<StateTuple> selected)
    {
        if (authEvent.StateKey is not { } stateKey)
            return false;
        foreach (var tuple in selected)
        {
            if (tuple.Type == authEvent.Type && tuple.StateKey == stateKey)
                return true;
        }
        return false;
    }
}
