using FluentValidation;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Protocol.Identifiers;
using MediatR;

namespace Matrix.EventSourced.Commands.EduServer;

/// <summary>A user has read a room up to some events: a receipt, a private one, the fully-read marker.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #post_matrixclientv3roomsroomidreceiptreceipttypeeventid,
/// #post_matrixclientv3roomsroomidread_markers.
/// Errors: M_INVALID_PARAM for an unknown kind, a thread that is none or does not hold the event, and an event that is
/// not in the room; M_FORBIDDEN for who is not in the room.
/// </remarks>
public sealed record SetReadMarkers(
    CommandContext Context, RoomId RoomId, UserId UserId, IReadOnlyList<ReadMarker> Markers) : ICommand<Unit>;

public sealed class SetReadMarkersValidator : AbstractValidator<SetReadMarkers>
{
    public SetReadMarkersValidator()
    {
        RuleForEach(command => command.Markers)
            .Must(marker => marker.Kind is ReceiptKinds.Read or ReceiptKinds.ReadPrivate or ReceiptKinds.FullyRead)
            .WithMessage("A receipt is m.read, m.read.private or m.fully_read.");
        RuleForEach(command => command.Markers)
            .Must(marker => marker.ThreadId is null or Receipts.MainThread || EventId.TryParse(marker.ThreadId, out _))
            .WithMessage("thread_id must be main or the id of a thread's root.");
        RuleForEach(command => command.Markers)
            .Must(marker => marker.ThreadId is null || marker.Kind != ReceiptKinds.FullyRead)
            .WithMessage("m.fully_read has no threads.");
    }
}

public sealed class SetReadMarkersHandler(Receipts receipts) : IRequestHandler<SetReadMarkers, CommandResult<Unit>>
{
    public async Task<CommandResult<Unit>> Handle(SetReadMarkers command, CancellationToken cancellationToken) =>
        await receipts.SetAsync(command.RoomId, command.UserId, command.Markers, command.Context);
}
