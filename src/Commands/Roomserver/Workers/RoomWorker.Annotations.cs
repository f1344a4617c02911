using Matrix.EventSourced.Commands.Roomserver.Input;
using Matrix.EventSourced.Commands.Roomserver.Room;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Commands.Roomserver.Workers;

/// <content>Annotations that must not come twice, however close together they are sent.</content>
internal sealed partial class RoomWorker
{
    private readonly RecentAnnotations _annotations = new();

    /// <summary>Whether the room, as it will be after the group, has the command's annotation already.</summary>
    private bool IsDuplicate(RoomCommand command, RoomGroup group)
    {
        if (command is not SendPdu { Annotation: { } key })
            return false;
        return group.Annotations.TryGetValue(key, out var decided)
            ? !group.Redacted.Contains(decided)
            : _annotations.Find(key) is { } standing && !group.Redacted.Contains(standing);
    }

    private void KeepAnnotations(RoomGroup group)
    {
        foreach (var (key, eventId) in group.Annotations)
            _annotations.Remember(key, eventId);
    }

    /// <summary>The annotation of a PDU that was at the policy server, and so away from the room for a while.</summary>
    private static (AnnotationKey Key, EventId EventId)? AnnotationOf(RoomInput input) =>
        input is RecordOwnPdu { Command: SendPdu { Annotation: { } key }, Decided.Pdu.EventId: var eventId }
            ? (key, eventId)
            : null;
}
