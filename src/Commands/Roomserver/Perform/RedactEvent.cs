using FluentValidation;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.Roomserver.Room;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using MediatR;

namespace Matrix.EventSourced.Commands.Roomserver.Perform;

/// <summary>Redacts an event: PUT /rooms/{roomId}/redact/{eventId}/{txnId}.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #put_matrixclientv3roomsroomidredacteventidtxnid, #redactions.
/// Errors: M_FORBIDDEN without the power; M_NOT_FOUND for an event that this room does not have here.
/// </remarks>
public sealed record RedactEvent(
    CommandContext Context,
    RoomId RoomId,
    UserId Sender,
    string Redacts,
    string? Reason,
    TransactionKey? Transaction,
    bool IsAdmin = false) : ICommand<EventId>;

public sealed class RedactEventValidator : AbstractValidator<RedactEvent>
{
    public RedactEventValidator() => RuleFor(command => command.Redacts)
        .Must(text => EventId.TryParse(text, out _)).WithMessage("This is no event id.");
}

public sealed class RedactEventHandler(Redactions redactions) : IRequestHandler<RedactEvent, CommandResult<EventId>>
{
    public async Task<CommandResult<EventId>> Handle(RedactEvent command, CancellationToken cancellationToken)
    {
        var content = JsonContent.WithString(JsonContent.Empty, "reason", command.Reason);
        return await redactions.PerformAsync(
            command.RoomId,
            command.Redacts,
            command.IsAdmin,
            new SendPdu(command.Context, command.Sender, EventTypes.Redaction, null, content)
            {
                Transaction = command.Transaction,
            });
    }
}
