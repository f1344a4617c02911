using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.Roomserver.Room;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.EventAuth;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.RoomVersions;

namespace Matrix.EventSourced.Commands.Roomserver.Perform;

/// <summary>Sends redactions, from whichever endpoint they come.</summary>
public sealed class Redactions(IRoomserver rooms, IPduStore pdus)
{
    /// <summary>Finds what is redacted, then sends the redaction; where <c>redacts</c> stands is up to the room
    /// version.</summary>
    internal async ValueTask<CommandResult<EventId>> PerformAsync(
        RoomId roomId, string redacts, bool isAdmin, SendPdu redaction)
    {
        if (!EventId.TryParse(redacts, out var targetId))
            return MatrixError.InvalidParam("'redacts' is no event id.");
        // Membership first: who is not in the room must not learn which events it has.
        switch (await rooms.ReadAsync(roomId, RoomTuples.Member(redaction.Sender)))
        {
            case RoomReading.Refused refused:
                return refused.Error;
            case RoomReading.Found found when found.View.MembershipOf(redaction.Sender) == Membership.Join:
                break;
            default:
                return RoomErrors.NotInRoom;
        }
        var stored = await pdus.FindAsync([targetId]);
        if (stored.Count == 0 || stored[0].RoomId != roomId)
            return MatrixError.NotFound("This room has no such event.");
        var rules = RoomVersionRules.Find(stored[0].RoomVersion);
        Invariant.Holds(rules is not null, "the version of a stored PDU is known");
        var target = new RedactionTarget(PduParser.ParseStored(stored[0].Json, rules, targetId), isAdmin);
        return (await rooms.PerformAsync(roomId, redaction with { Target = target })).ToEventId();
    }
}
