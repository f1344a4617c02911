using System.Text.Json;
using Matrix.EventSourced.Protocol.Pdus;

namespace Matrix.EventSourced.Protocol.EventAuth;

/// <summary>The authorisation rules: may this PDU be part of a room in this state?</summary>
/// <remarks>
/// <code>
///                     version 1-5                   6-11                      12
///  create             1                             1                         1
///  room id                                                                    2
///  auth events        2  (CheckAuthEvents)          2                         3
///  m.federate         3                             3                         4
///  aliases            4
///  member             5  (MemberRules)              4                         5
///  sender is joined   6                             5                         6
///  third-party invite 7                             6                         7
///  required level     8                             7                         8
///  own state key      9                             8                         9
///  power levels       10 (PowerLevelsRules)         9                         10
///  redaction          11 (versions 1, 2)
///  otherwise          12, 11                        10                        11
/// </code>
/// Spec: v1.19 rooms/v1..v12 #authorisation-rules.
/// Requires: the PDU passed the parser, and its signatures were verified (a restricted join's second one too).
/// Ensures: pure; the same PDU in the same state has the same outcome.
/// Errors: Refused with the rule's number and reason; never throws.
/// Cost: a few look-ups in the state; the content of the power levels is parsed unless <see cref="IAuthState"/> has it
/// parsed.
/// </remarks>
public static class EventAuthorisation
{
    /// <summary>All rules but the one about the listed auth events: what is asked again for every state that the PDU is
    /// checked against.</summary>
    /// <param name="pdu">The PDU to authorise.</param>
    /// <param name="state">The state that it is checked against.</param>
    /// <param name="createPdu">The room's accepted create PDU; null when the room has none, or when the PDU is the
    /// create PDU itself.</param>
    public static AuthOutcome Check(Pdu pdu, IAuthState state, Pdu? createPdu)
    {
        if (pdu.Type == EventTypes.Create)
            return CreateRules.Check(pdu);
        var create = createPdu ?? state.Get(AuthTuples.Create);
        if (create is null || !IsOfRoom(pdu, create))
            return RefuseWithoutCreate(pdu);
        return CheckInRoom(new AuthContext(pdu, state, create));
    }

    /// <summary>The rule about the auth events that a PDU lists (2, in version 12: 3); the create PDU lists none and
    /// passes.</summary>
    /// <param name="pdu">The PDU to authorise.</param>
    /// <param name="authEvents">The PDUs that its auth_events name, in any order, all of them, and whether each was
    /// rejected.</param>
    public static AuthOutcome CheckAuthEvents(Pdu pdu, IReadOnlyList<AuthEvent> authEvents) =>
        AuthEventsRules.Check(pdu, authEvents);

    private static AuthOutcome CheckInRoom(AuthContext context)
    {
        var pdu = context.Pdu;
        // 3 (12: 4).
        if (IsClosedToFederation(context.Create)
            && !ContentReading.HaveSameDomain(pdu.Sender.Value, context.Create.Sender.Value))
            return context.Refuse(
                AuthRule.Federate, "The room does not federate and the sender is not on the creator's server.");
        // 4, up to version 5.
        if (context.Rules.AliasesAreAuthorised && pdu.Type == EventTypes.Aliases)
            return AliasesRules.Check(context);
        // 5 (6-11: 4).
        if (pdu.Type == EventTypes.Member)
            return MemberRules.Check(context);
        // 6 (6-11: 5).
        if (!context.IsSenderJoined)
            return context.Refuse(AuthRule.SenderJoined, "The sender is not joined to the room.");
        // 7 (6-11: 6).
        if (pdu.Type == EventTypes.ThirdPartyInvite)
        {
            return context.SenderLevel >= context.Levels.Invite
                ? context.Allow(AuthRule.ThirdPartyInviteLevel)
                : context.Refuse(AuthRule.ThirdPartyInviteLevel, "The sender's power level is below the invite level.");
        }
        // 8 (6-11: 7).
        if (context.Levels.EventLevel(pdu.Type, pdu.StateKey is not null) > context.SenderLevel)
            return context.Refuse(
                AuthRule.RequiredLevel, "The sender's power level is below what this event type requires.");
        // 9 (6-11: 8).
        if (pdu.StateKey is { Length: > 0 } stateKey && stateKey[0] == '@' && stateKey != pdu.Sender.Value)
            return context.Refuse(
                AuthRule.OwnStateKey, "The state_key is the user id of someone other than the sender.");
        // 10 (6-11: 9).
        if (pdu.Type == EventTypes.PowerLevels)
            return PowerLevelsRules.Check(context);
        // 11, versions 1 and 2.
        if (context.Rules.RedactionIsAuthorised && pdu.Type == EventTypes.Redaction)
            return RedactionRules.Check(context);
        return context.Allow(AuthRule.Otherwise);
    }

    private static bool IsOfRoom(Pdu pdu, Pdu create) => !pdu.Rules.RoomIdIsCreateHash
        || pdu.RoomId.Value.AsSpan(1).SequenceEqual(create.EventId.Value.AsSpan(1));

    private static AuthOutcome RefuseWithoutCreate(Pdu pdu) => pdu.Rules.RoomIdIsCreateHash
        ? AuthRuleNumbers.Of(pdu.Rules).Refuse(AuthRule.RoomIdIsOfCreate,
            "The room_id is not the id of an accepted create event.")
        : AuthRuleNumbers.Of(pdu.Rules).Refuse(AuthRule.AuthEventsHaveCreate, "The room has no create event.");

    private static bool IsClosedToFederation(Pdu create) =>
        create.Content.TryFind("m.federate"u8, out var federate) && federate.ValueKind == JsonValueKind.False;
}
